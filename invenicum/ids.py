"""Ids: UUIDv7 in the database (RFC 9562, ordered by time), `evt_…` and `dlv_…` outside."""

import uuid
from datetime import UTC, datetime

from uuid_utils.compat import uuid7 as _uuid7


def uuid7() -> uuid.UUID:
    return _uuid7()


def public_id(prefix: str, value: uuid.UUID) -> str:
    """`evt_0190…` for the prefix `evt`."""
    return f"{prefix}_{value.hex}"


def parse_public_id(prefix: str, text: str) -> uuid.UUID | None:
    """The UUID inside a public id, or None if `text` is not one of `prefix`."""
    head, _, hexadecimal = text.partition("_")
    if head != prefix or len(hexadecimal) != 32:
        return None
    try:
        return uuid.UUID(hex=hexadecimal)
    except ValueError:
        return None


def first_id_at(moment: datetime) -> uuid.UUID:
    """The smallest UUIDv7 of that millisecond: a boundary for ranges of ids by time."""
    milliseconds = max(int(moment.timestamp() * 1000), 0)  # no id is from before 1970
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62)


def moment_of(key: uuid.UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((key.int >> 80) / 1000, UTC)

"""Ids: UUIDv7 in the database (RFC 9562, ordered by time), `evt_…` and `dlv_…` outside."""

import uuid

from uuid_utils.compat import uuid7 as _uuid7


def uuid7() -> uuid.UUID:
    return _uuid7()


def public_id(prefix: str, value: uuid.UUID) -> str:
    """`evt_0190…` for the prefix `evt`."""
    return f"{prefix}_{value.hex}"


def parse_public_id(prefix: str, text: str) -> uuid.UUID | None:
    """The UUID inside a public id, or None where `text` is not one of `prefix`."""
    head, _, hexadecimal = text.partition("_")
    if head != prefix or len(hexadecimal) != 32:
        return None
    try:
        return uuid.UUID(hex=hexadecimal)
    except ValueError:
        return None

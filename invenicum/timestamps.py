"""Times as the API writes and reads them: RFC 3339, UTC, whole seconds. Pure."""

import re
from datetime import UTC, datetime
from typing import Any

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def format_timestamp(moment: datetime) -> str:
    """`2026-03-07T10:30:00Z`: UTC, whole seconds, as everywhere in the API. `moment` must be aware."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def parse_timestamp(value: Any) -> datetime:
    """An RFC 3339 time as an aware datetime in UTC. Raises ValueError if `value` is not one."""
    if isinstance(value, str) and RFC_3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise ValueError("must be an RFC 3339 time, for example 2026-03-07T10:30:00Z")

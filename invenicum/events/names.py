"""Event names and the patterns that select them. Pure."""

import re
from collections.abc import Iterable

ASSET_CREATED = "asset.created"
ASSET_UPDATED = "asset.updated"
ASSET_DELETED = "asset.deleted"
ASSET_EVENTS = (ASSET_CREATED, ASSET_UPDATED, ASSET_DELETED)
PING = "ping"  # sent to one integration on request; no pattern selects it

# Dots alone are no id: `..` is the parent folder in addresses and paths.
ASSET_ID = r"^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$"
MAX_ASSET_ID = 100
MAX_NAME = 100
NAME = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)+")
PATTERN = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*\.(?:\*|[a-z0-9_]+)")


def matches(patterns: Iterable[str], name: str) -> bool:
    """Whether one of `patterns` (`asset.created`, or `asset.*` for all that begin with `asset.`) selects `name`."""
    return any(name == pattern or (pattern.endswith(".*") and name.startswith(pattern[:-1])) for pattern in patterns)

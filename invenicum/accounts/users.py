"""How users appear outside: `user-456`."""

import re

PUBLIC_USER_ID = re.compile(r"user-([1-9][0-9]{0,17})")


def public_user_id(primary_key: int) -> str:
    return f"user-{primary_key}"


def parse_user_id(text: str) -> int | None:
    """The primary key inside a public user id; None where `text` is not one."""
    found = PUBLIC_USER_ID.fullmatch(text)
    return int(found[1]) if found else None

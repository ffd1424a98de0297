"""Public ids of accounts: `user-456` is the account of Invenicum's user 456. Pure.

Accounts that were created here (staff, services, the demo) have ids with a `~`, which no Invenicum id can have.
"""

import re
import secrets

PREFIX = "user-"
LOCAL_MARK = "~"
MAX_ACCOUNT_ID = 100
# Of the user names of Invenicum's users. No form accepts a colon, so that no user who is created here has such a name.
INVENICUM_USERNAME_PREFIX = "invenicum:"
# Invenicum's own ids: numbers, UUIDs, or any text of these characters.
INVENICUM_ID = r"[A-Za-z0-9._-]{1,100}"
# For JSON Schema and validation: the public ids of both kinds.
PUBLIC_ID = rf"^{PREFIX}(?:{INVENICUM_ID}|{LOCAL_MARK}[0-9a-f]{{12}})$"
PUBLIC_ID_SAYS = "must be the id of an account, for example user-456"


def is_invenicum_id(text: str) -> bool:
    """Whether `text` can be an id of Invenicum's own: `456`."""
    return re.fullmatch(INVENICUM_ID, text) is not None


def generate_local_id() -> str:
    """A new id for an account that is created here: `~9f8c2b41d0aa`."""
    return LOCAL_MARK + secrets.token_hex(6)


def public_id_of(account_id: str) -> str:
    """`user-456` for the account id `456`."""
    return PREFIX + account_id


def parse_public_id(text: str) -> str | None:
    """The account id `456` of a public id `user-456`; None if `text` is not one."""
    return text.removeprefix(PREFIX) if re.fullmatch(PUBLIC_ID, text) else None

"""Browsers that came to the portal by a link."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from invenicum.accounts import portal_sessions
from invenicum.accounts.lookups import find_token
from invenicum.accounts.models import User
from invenicum.accounts.scopes import USER_SCOPES
from invenicum.accounts.tokens import holder_of, issue_token

Portal = Callable[..., Client]


def code_of(owner: User, *scopes: str, token: str = "", **options: Any) -> str:
    """The code of a new link, as an app would ask for it with `token`, or with a new one."""
    row = find_token(token or issue_token(owner, scopes or USER_SCOPES))
    holder = holder_of(row) if row else None
    assert holder is not None
    link = portal_sessions.create_link(owner, holder[1], portal_sessions.LinkOptions(**options))
    return link.url.partition("#")[2]


@pytest.fixture
def portal(db: None) -> Portal:
    """`portal(alice)` is a browser with her session; `portal(alice, read_only=True)` has one that changes nothing."""

    def browser(owner: User, *scopes: str, **options: Any) -> Client:
        client = Client()
        opened = client.post("/portal/open", {"code": code_of(owner, *scopes, **options)})
        assert opened.status_code == 303, opened.content
        return client

    return browser

"""Three people in every test: Alice owns, Bob belongs, Charlie must see nothing."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from invenicum.accounts.tokens import USER_SCOPES, issue_token


class ApiClient(Client):
    """Django's test client, speaking JSON and carrying a bearer token."""

    def post(self, path: str, data: Any = "", content_type: str = "application/json", **rest: Any) -> Any:
        return super().post(path, data, content_type, **rest)

    def patch(self, path: str, data: Any = "", content_type: str = "application/json", **rest: Any) -> Any:
        return super().patch(path, data, content_type, **rest)

    def put(self, path: str, data: Any = "", content_type: str = "application/json", **rest: Any) -> Any:
        return super().put(path, data, content_type, **rest)


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice", "alice@example.com")


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob", "bob@example.com")


@pytest.fixture
def charlie(db: None) -> User:
    return User.objects.create_user("charlie", "charlie@example.com")


@pytest.fixture
def api() -> Callable[..., ApiClient]:
    """`api(alice)` is a client that sends Alice's token; `api(alice, "assets:read")` one of fewer scopes."""

    def client(user: User, *scopes: str) -> ApiClient:
        chosen: Iterable[str] = scopes or USER_SCOPES
        return ApiClient(headers={"Authorization": f"Bearer {issue_token(user, chosen)}"})

    return client


@pytest.fixture(autouse=True)
def fresh_cache() -> None:
    """No test is throttled for what another did."""
    cache.clear()

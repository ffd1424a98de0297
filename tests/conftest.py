"""Three people in every test: Alice owns, Bob belongs, Charlie must see nothing."""

import os
from collections.abc import Iterable

import hypothesis
import pytest
from django.core.cache import cache

from invenicum.accounts.models import User
from invenicum.accounts.scopes import USER_SCOPES
from invenicum.accounts.tokens import issue_token
from invenicum.assets import services as assets
from invenicum.events import intake
from tests.api_client import Api, ApiClient
from tests.tools import tool
from webhooks import backlog

# No deadline: a property test must not fail because the machine is busy.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves tests that use no database to the run on PostgreSQL."""
    if os.environ.get("TEST_DATABASE") != "sqlite":
        return
    chosen = [item for item in items if _uses_a_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


def _uses_a_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", [])
    return item.get_closest_marker("django_db") is not None or bool({"db", "transactional_db"} & set(fixtures))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            tool(name)


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
def api() -> Api:
    """`api(alice)` is a client that sends Alice's token; `api(alice, "assets:read")` sends one with fewer scopes."""

    def client(user: User, *scopes: str) -> ApiClient:
        chosen: Iterable[str] = scopes or USER_SCOPES
        return ApiClient(headers={"Authorization": f"Bearer {issue_token(user, chosen)}"})

    return client


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    """Requests of another test do not count for rate limits and quotas: on SQLite its users have the same keys."""
    cache.clear()
    for used in (intake._minutes, assets._stored, backlog._pending):
        used.forget()

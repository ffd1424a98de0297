"""A channel that cannot be posted to keeps its deliveries, and says to the owner what to do."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from pytest_django import Settings

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.fakes.discord import FakeDiscord
from tests.fakes.http_server import FakeServer
from tests.fakes.slack import FakeSlack
from tests.fakes.teams import FakeTeams
from tests.inbound import connect
from webhooks.engine.worker import drain
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)
Wrong = Callable[[str], FakeServer]


@pytest.fixture
def wrong(settings: Settings) -> Iterator[Wrong]:
    """`wrong("slack")` is a Slack whose channel is archived, a Discord whose is a forum, a Teams with no workflow."""
    with ExitStack() as servers:

        def start(integration_type: str) -> FakeServer:
            server: FakeSlack | FakeDiscord | FakeTeams
            if integration_type == "slack":
                server = FakeSlack()
                server.archived = True
            elif integration_type == "discord":
                server = FakeDiscord()
                server.is_forum = True
            else:
                server = FakeTeams()
                server.enabled = False
            servers.enter_context(server)
            settings.PROVIDER_ENDPOINTS = {integration_type: {"apiUrl": server.url}}
            return server

        yield start


@pytest.mark.parametrize(
    ("integration_type", "says"),
    [("slack", "unarchive it"), ("discord", "give a threadName"), ("teams", "turn it on")],
)
def test_no_delivery_ends_as_failed(wrong: Wrong, alice: User, integration_type: str, says: str) -> None:
    wrong(integration_type)
    connect(alice, integration_type, **({"threadId": None} if integration_type == "discord" else {}))
    publish_many(Draft(alice, "asset.created", {"assetId": f"asset-{number}"}) for number in range(12))
    drain()
    assert set(Delivery.objects.values_list("status", flat=True)) == {"pending"}
    assert all(says in delivery.error for delivery in Delivery.objects.filter(attempt_count__gt=0))
    assert Integration.objects.get().failing_since is not None

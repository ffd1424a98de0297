"""Services that a connection posts to by an address of its own: they need no token to deliver."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from integrations import grants, services
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from oauth_flows.clients import client_for
from oauth_flows.code_exchange import Connection
from oauth_flows.connect import connect
from oauth_flows.models import Grant
from oauth_flows.protocol import Tokens, authorization_url
from oauth_flows.reconnect_alerts import notify_owners
from tests.fakes.slack import CHANNEL, TOKEN, WEBHOOK, FakeSlack
from webhooks.engine.worker import drain
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)
ANSWER = {
    "team": {"id": "T00000000", "name": "Invenicum Team"},
    "incoming_webhook": {"channel": "#asset-updates", "channel_id": CHANNEL["id"], "url": WEBHOOK},
}
Refuse = Callable[[], Any]


@pytest.fixture
def slack(settings: Settings, alice: User) -> Iterator[FakeSlack]:
    """Alice's Slack, connected a while ago."""
    settings.OAUTH_CLIENTS = {"slack": ("client", "secret")}
    with FakeSlack() as server:
        settings.PROVIDER_ENDPOINTS = {"slack": {"apiUrl": server.url}}
        tokens = Tokens(access=TOKEN, refresh="", expires_in=None, scopes=None, answer=ANSWER)
        connect(alice, client_for("slack"), Connection(tokens, "Invenicum Team"))
        Grant.objects.update(refreshed_at=timezone.now() - timedelta(hours=1))
        yield server


def deliver(owner: User) -> Delivery:
    publish(owner, "asset.created", {"assetId": "asset-1", "name": "Chair"})
    drain()
    return Delivery.objects.order_by("-id")[0]


def test_a_refused_token_stops_no_delivery_that_the_webhook_can_make(slack: FakeSlack, alice: User) -> None:
    Integration.objects.update(config={"channel": CHANNEL["id"], "webhookChannel": CHANNEL["id"], "username": "Bot"})
    slack.token_revoked = True
    assert deliver(alice).status == "delivered"
    assert [posted["text"] for posted in slack.posted] == ["Asset created: Chair"]
    grant, integration = Grant.objects.get(), Integration.objects.get()
    assert grant.refused_at is not None
    assert integration.status == "active"
    assert not grants.current().is_refused(integration)
    requests = len(slack.requests)
    assert deliver(alice).status == "delivered"
    assert len(slack.requests) == requests + 1  # the token is not tried again
    assert notify_owners() == 1
    assert "still arrive" in mail.outbox[0].body


def test_what_the_webhook_cannot_do_waits_for_a_new_connection(slack: FakeSlack, alice: User) -> None:
    Integration.objects.update(config={"channel": "C999999999", "webhookChannel": CHANNEL["id"]})
    slack.token_revoked = True
    waiting = deliver(alice)
    assert waiting.status == "pending"
    assert "connect Slack again" in waiting.error
    assert slack.posted == []


def test_a_pasted_webhook_forgets_the_channel_of_the_consent(slack: FakeSlack, alice: User) -> None:
    shown = Integration.objects.get().config
    services.save_integration(alice, "slack", {**shown, "webhookUrl": WEBHOOK[:-1] + "Y"})
    assert Integration.objects.get().config == {"channel": CHANNEL["id"]}
    assert not Grant.objects.exists()


def test_scopes_for_events_are_asked_for_only_if_the_operators_app_sends_them(settings: Settings) -> None:
    settings.OAUTH_CLIENTS = {"slack": ("client", "secret")}
    assert "history" not in authorization_url(client_for("slack"), "https://i.example/cb", "s", "v")
    settings.SLACK_SIGNING_SECRET = "8f742231b10e8888abcd99aaabbb85a5"
    url = authorization_url(client_for("slack"), "https://i.example/cb", "s", "v")
    for scope in ("channels%3Ahistory", "reactions%3Aread", "app_mentions%3Aread", "chat%3Awrite"):
        assert scope in url

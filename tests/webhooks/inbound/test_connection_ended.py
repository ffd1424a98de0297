"""Slack says that our app was removed, or the token of its bot revoked: deliveries wait, and the owner is told."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from integrations import grants, services
from integrations.core.errors import InvalidConfig
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from oauth_flows.models import Grant
from oauth_flows.reconnect_alerts import notify_owners
from tests.inbound import SIGNING_SECRET, connect, send_slack
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db
REVOKED = {"type": "tokens_revoked", "tokens": {"oauth": ["UXXXXXXXX"], "bot": ["UXXXXXXXX"]}}


def ended(event: dict[str, Any], at: float | None = None) -> dict[str, Any]:
    """As on https://docs.slack.dev/reference/events/app_uninstalled and …/tokens_revoked."""
    return {
        "token": "XXYYZZ",
        "team_id": "T00000000",
        "api_app_id": "AXXXXXXXXX",
        "event": event,
        "type": "event_callback",
        "event_id": "EvXXXXXXXX",
        "event_time": int(time.time() if at is None else at),
    }


@pytest.fixture
def connected(settings: Settings, alice: User) -> Integration:
    """Alice's Slack, connected with OAuth to the operator's app."""
    settings.SLACK_SIGNING_SECRET = SIGNING_SECRET
    integration, now = connect(alice, "slack", botToken=None), timezone.now()
    tokens, an_hour = {"access": "xoxb-1"}, timedelta(hours=1)
    Grant.objects.create(
        integration=integration,
        client_id="id",
        app_id="AXXXXXXXXX",
        tokens=tokens,
        connected_at=now - an_hour,
        refreshed_at=now - an_hour,
    )
    return integration


@pytest.mark.parametrize("event", [{"type": "app_uninstalled"}, REVOKED])
def test_deliveries_wait_until_the_workspace_is_connected_again(
    connected: Integration, alice: User, event: dict[str, Any]
) -> None:
    assert send_slack(ended(event)).status_code == 202
    connected.refresh_from_db()
    assert connected.status == "needs_reconnect"
    assert connected.stop_reason == "The app was removed from Slack, or its token revoked: connect again."
    assert grants.current().is_refused(connected)
    publish(alice, "asset.created", {"assetId": "asset-1", "name": "Chair"})
    assert Delivery.objects.get(integration=connected).due_at is None
    with pytest.raises(InvalidConfig, match="connect again"):
        services.set_active(alice, "slack", is_active=True)
    assert notify_owners() == 1
    assert "are kept meanwhile" in mail.outbox[0].body
    assert send_slack(ended(event)).status_code == 202  # Slack repeats it
    assert notify_owners() == 0


def test_a_users_token_and_other_events_end_nothing(connected: Integration) -> None:
    of_users: dict[str, Any] = {"type": "tokens_revoked", "tokens": {"oauth": ["UXXXXXXXX"], "bot": []}}
    for number, event in enumerate(
        [of_users, {"type": "tokens_revoked"}, {"type": "message", "text": "app_uninstalled"}]
    ):
        assert send_slack({**ended(event), "event_id": f"Ev{number}"}).status_code == 202
    connected.refresh_from_db()
    assert connected.status == "active"


def test_what_ended_before_the_last_connection_is_old_news(connected: Integration) -> None:
    before = Grant.objects.get().connected_at.timestamp() - 1
    assert send_slack(ended({"type": "app_uninstalled"}, before)).status_code == 202
    connected.refresh_from_db()
    assert connected.status == "active"
    assert Grant.objects.get().refused_at is None


OWN_SECRET = "0" * 32


@pytest.mark.parametrize(("app_id", "status"), [("A0KRD7HC3", "active"), ("AXXXXXXXXX", "needs_reconnect")])
def test_the_removal_of_another_app_of_the_owner_leaves_the_connection(
    connected: Integration, app_id: str, status: str
) -> None:
    # Its signing secret may be saved beside the connection, for the events of that app.
    connected.secrets |= {"signingSecret": OWN_SECRET}
    connected.save()
    about = {**ended({"type": "app_uninstalled"}), "api_app_id": app_id}
    assert send_slack(about, f"slack/{connected.id}", OWN_SECRET).status_code == 202
    connected.refresh_from_db()
    assert connected.status == status
    assert (Grant.objects.get().refused_at is None) == (status == "active")


def test_the_removal_from_another_workspace_leaves_the_integration(connected: Integration, charlie: User) -> None:
    own = connect(charlie, "slack", signingSecret=OWN_SECRET)
    connected.secrets |= {"signingSecret": OWN_SECRET}
    connected.save()
    elsewhere = {**ended({"type": "app_uninstalled"}, time.time() + 1), "team_id": "T0ELSEWHERE"}
    for integration in (own, connected):
        assert send_slack(elsewhere, f"slack/{integration.id}", OWN_SECRET).status_code == 202
        integration.refresh_from_db()
        assert integration.status == "active"


def test_a_paused_integration_stays_paused_and_cannot_be_resumed(connected: Integration, alice: User) -> None:
    services.set_active(alice, "slack", is_active=False)
    send_slack(ended({"type": "app_uninstalled"}))
    connected.refresh_from_db()
    assert connected.status == "paused"
    with pytest.raises(InvalidConfig, match="connect again"):
        services.set_active(alice, "slack", is_active=True)


def test_the_owners_own_app_has_to_be_set_up_again(alice: User, charlie: User) -> None:
    own = connect(alice, "slack", signingSecret=SIGNING_SECRET)
    of_another = connect(charlie, "slack", signingSecret="0" * 32)
    assert send_slack(ended({"type": "app_uninstalled"}, time.time() + 1)).status_code == 202
    own.refresh_from_db()
    of_another.refresh_from_db()
    assert (own.status, of_another.status) == ("disabled", "active")
    assert own.stop_reason.endswith("set it up again in Slack.")

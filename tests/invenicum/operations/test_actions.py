from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken

from integrations.models import Integration, ProviderJob
from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from invenicum.audit.models import AuditEntry
from invenicum.events.publish import publish
from invenicum.operations.actions import ACTIONS
from tests.factories import OPEN_CIRCUIT, connect_webhook
from webhooks import replays
from webhooks.models import Delivery, Lane, Replay, TypeHold

Act = Callable[..., str]


@pytest.fixture
def act(admin_client: Client) -> Act:
    """`act("hold", type="slack")` opens the action's page, checks that nothing happens yet, and confirms it."""

    def run(name: str, **query: Any) -> str:
        before = AuditEntry.objects.count()
        page = admin_client.get(f"/admin/actions/{name}/", query).content.decode()
        assert AuditEntry.objects.count() == before
        assert '<p class="effect">' in page
        answer = admin_client.post(f"/admin/actions/{name}/?{'&'.join(f'{key}={query[key]}' for key in query)}")
        assert answer["Location"] == "/admin/"
        return page.partition('<p class="effect">')[2].partition("</p>")[0]

    return run


@pytest.fixture
def failed(alice: User, bob: User) -> list[Delivery]:
    """Alice's and Bob's deliveries that timed out, and one of Bob's that was refused."""
    for owner in (alice, bob):
        connect_webhook(owner)
        publish(owner, "asset.created", {"assetId": "a"})
    Delivery.objects.update(status="failed", due_at=None, error="No answer", error_class="timeout")
    publish(bob, "asset.updated", {"assetId": "a"})
    Delivery.objects.filter(status="pending").update(error_class="http", status_code=410, attempt_count=1)
    return list(Delivery.objects.order_by("id"))


def trail() -> str:
    entry = AuditEntry.objects.filter(action="staff_action").latest("id")
    assert entry.actor
    assert entry.actor.username == "admin"
    return entry.detail


def test_everything_that_matches_is_retried(act: Act, failed: list[Delivery]) -> None:
    effect = act("retry", type="webhook", error_class="timeout")
    assert effect == "2 deliveries to Custom Webhook whose last attempt failed with timeout are sent again."
    assert [delivery.status for delivery in Delivery.objects.order_by("id")] == ["pending"] * 3
    assert Delivery.objects.get(status_code=410).attempt_count == 1
    assert trail() == "Retry everything that matches: 2 deliveries queued again."


def test_a_type_is_held_and_released(act: Act, failed: list[Delivery]) -> None:
    assert "2 integrations with Custom Webhook" in act("hold", type="webhook")
    assert TypeHold.objects.get().by == User.objects.get(username="admin")
    assert Lane.objects.filter(on_hold=True).count() == 2
    assert trail() == "Hold a service: Custom Webhook is held."
    assert "1 deliveries to Custom Webhook" in act("release", type="webhook")
    assert not Lane.objects.filter(on_hold=True).exists()


def test_circuits_are_closed(act: Act, failed: list[Delivery], alice: User) -> None:
    Lane.objects.filter(integration__owner=alice).update(
        **OPEN_CIRCUIT, held_until=timezone.now() + timedelta(minutes=5)
    )
    assert "The circuits of 1 integrations" in act("close-circuits", type="webhook")
    assert not Lane.objects.with_open_circuit().exists()


def test_a_replay_is_cancelled(act: Act, failed: list[Delivery], alice: User) -> None:
    replay = replays.start(alice, "webhook", timezone.now() - timedelta(hours=1), None, ["failed"])
    assert act("cancel-replay", id=replay.pk).startswith("1 pending deliveries of rpl_")
    assert Replay.objects.get().cancelled_at


def test_an_integration_is_revoked(act: Act, failed: list[Delivery], alice: User) -> None:
    integration = Integration.objects.get(owner=alice)
    assert "is deleted with its credentials" in act("revoke-integration", id=integration.pk)
    assert not Integration.objects.live().filter(owner=alice).exists()


def test_a_users_tokens_and_everything_of_a_user_are_revoked(act: Act, failed: list[Delivery], bob: User) -> None:
    issue_token(bob)
    assert act("revoke-tokens", id=bob.pk).startswith("1 access tokens of bob")
    assert not AccessToken.objects.filter(user=bob).exists()
    issue_token(bob)
    assert act("revoke-user", id=bob.pk).startswith("1 integrations and 1 access tokens of bob")
    assert not AccessToken.objects.filter(user=bob).exists()
    assert not Integration.objects.live().filter(owner=bob).exists()
    assert AuditEntry.objects.filter(action="staff_action", owner=bob).count() == 2


def test_hooks_are_registered_again(act: Act, alice: User) -> None:
    config = {"owner": "o", "repository": "r", "branch": "main"}
    Integration.objects.create(owner=alice, type="github", config=config)
    assert "The hooks of 1 integrations with GitHub" in act("register-hooks", type="github")
    assert ProviderJob.objects.get().kind == "save"


def test_a_test_mail_goes_to_the_operator(act: Act) -> None:
    assert "admin@example.com" in act("test-mail")
    assert [message.to for message in mail.outbox] == [["admin@example.com"]]


def test_what_is_not_there_any_more_is_said(admin_client: Client) -> None:
    for address in (
        f"revoke-integration/?id={UUID(int=7)}",
        "revoke-user/?id=x",
        "hold/?type=nothing",
        "release/?type=slack",
        "retry/",
        "cancel-replay/?id=7",
    ):
        page = admin_client.post(f"/admin/actions/{address}", follow=True).content.decode()
        assert "There is nothing to do" in page, address
    assert admin_client.get("/admin/actions/nothing/").status_code == 404


def test_it_leads_back_within_the_console_only(admin_client: Client) -> None:
    for back, leads in (
        ("/admin/records/", "/admin/records/"),
        ("https://evil.example.com/", "/admin/"),
        ("//e", "/admin/"),
    ):
        page = admin_client.get("/admin/actions/hold/", {"type": "slack", "back": back}).content.decode()
        assert f'<a class="button" href="{leads}">Cancel</a>' in page


@pytest.mark.parametrize("name", ACTIONS)
def test_each_action_needs_its_permission(client: Client, bob: User, charlie: User, name: str) -> None:
    client.force_login(charlie)
    assert client.post(f"/admin/actions/{name}/")["Location"].startswith("/admin/login/")
    bob.is_staff = True
    bob.save()
    client.force_login(bob)
    assert client.post(f"/admin/actions/{name}/").status_code == 403
    bob.user_permissions.set(Permission.objects.filter(codename=ACTIONS[name].permission.partition(".")[2]))
    assert client.post(f"/admin/actions/{name}/").status_code == 302

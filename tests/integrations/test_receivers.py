"""Deleting a user, by the ORM and in the admin, with providers that see what happens to their hooks and tokens."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from integrations.models import Integration, ProviderJob
from integrations.services import delete_integration, save_integration
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from oauth_flows.clients import client_for
from oauth_flows.models import Grant, Revocation
from tests.audit_trail import connection_entries
from tests.factories import connect_webhook
from tests.fakes.gitlab import TOKEN, FakeGitLab
from tests.fakes.http_server import Answer, FakeServer, Received
from tests.jobs import run_provider_jobs
from webhooks import duties
from webhooks.models import Attempt, Delivery, Lane

pytestmark = pytest.mark.django_db(transaction=True)

GITLAB = {"project": "my-group/asset-repo", "webhookUrl": "https://api.invenicum.com/webhooks/gitlab"}


class Provider(FakeGitLab):
    """A GitLab that also revokes tokens. It records the order of requests, and refuses a revoked token."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        answer = self.handler

        def handler(request: Received) -> Answer:
            self.calls.append(f"{request.method} {request.path.rpartition('/')[2]}")
            if request.path == "/revoke":
                return 200, {}, b"{}"
            return (401, {}, b"") if "POST revoke" in self.calls else answer(request)

        self.handler = handler


@pytest.fixture
def gitlab(settings: Settings) -> Iterator[Provider]:
    settings.OAUTH_CLIENTS = {"gitlab": ("gitlab-client", "gitlab-secret")}
    provider = Provider()
    with provider:
        settings.PROVIDER_ENDPOINTS = {"gitlab": {"apiUrl": provider.url, "revokeUrl": f"{provider.url}/revoke"}}
        yield provider


@pytest.fixture
def connected(gitlab: Provider, alice: User) -> User:
    """Alice, with a GitLab connected by OAuth that has a hook, a webhook, and a pending delivery for each."""
    now = timezone.now()
    Grant.objects.create(
        integration=Integration.objects.create(owner=alice, type="gitlab", config={"project": "my-group/asset-repo"}),
        account="ada@example.com",
        client_id="gitlab-client",
        servers=client_for("gitlab").servers,
        tokens={"access": TOKEN, "refresh": "refresh-1"},
        connected_at=now,
        refreshed_at=now,
        expires_at=now + timedelta(hours=1),
    )
    save_integration(alice, "gitlab", GITLAB)
    assert run_provider_jobs() == 1
    assert len(gitlab.hooks) == 1
    connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "asset-1", "name": "Chair"})
    assert Delivery.objects.filter(status="pending").count() == 2
    gitlab.calls.clear()
    return alice


def check_nothing_is_left(provider: Provider) -> None:
    """Deleted here at once, and at the provider by the jobs: first the hook, then the token that this needs."""
    for model in (Integration, Grant, Delivery, Attempt, Lane):
        assert not model.objects.exists(), model
    with connection.cursor() as cursor:
        connection.check_constraints()
        cursor.execute("SELECT tokens FROM oauth_flows_revocation")
        assert TOKEN.encode() not in b"".join(bytes(row[0]) for row in cursor.fetchall())
    assert {job.kind for job in ProviderJob.objects.all()} == {"delete"}
    assert Revocation.objects.count() == 1
    duties.run_all()
    assert provider.hooks == {}
    assert provider.calls[0].startswith("DELETE ")
    assert provider.calls.count("POST revoke") == 2, "the access token and the refresh token"
    assert not ProviderJob.objects.exists()
    assert not Revocation.objects.exists()
    entries = connection_entries().order_by("id")
    assert [(entry.action, entry.owner) for entry in entries] == [("disconnected", None), ("revoked", None)]


def test_a_user_deleted_by_the_orm_leaves_nothing_here_or_at_the_providers(connected: User, gitlab: Provider) -> None:
    connected.delete()
    check_nothing_is_left(gitlab)


def test_users_deleted_by_a_queryset_leave_nothing_as_well(connected: User, gitlab: Provider, bob: User) -> None:
    User.objects.filter(pk__in=[connected.pk, bob.pk]).delete()
    check_nothing_is_left(gitlab)


def test_a_superuser_deletes_a_user_on_the_admins_page(connected: User, gitlab: Provider, admin_client: Client) -> None:
    address = f"/admin/accounts/user/{connected.pk}/delete/"
    page = admin_client.get(address)
    assert page.status_code == 200
    for shown in ("User: alice", "Integrations: 2", "Deliveries: 2"):
        assert shown in page.content.decode()
    assert TOKEN not in page.content.decode()
    assert admin_client.post(address, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(username="alice").exists()
    check_nothing_is_left(gitlab)


def test_a_superuser_deletes_several_users_at_once(
    connected: User, gitlab: Provider, admin_client: Client, bob: User
) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [connected.pk, bob.pk]}
    assert "Integrations: 2" in admin_client.post("/admin/accounts/user/", chosen).content.decode()
    admin_client.post("/admin/accounts/user/", {**chosen, "post": "yes"})
    assert not User.objects.filter(username__in=["alice", "bob"]).exists()
    check_nothing_is_left(gitlab)


@pytest.mark.parametrize("permission", ["view_user", "change_integration"])
def test_charlie_who_may_not_delete_users_deletes_none(
    connected: User, gitlab: Provider, charlie: User, client: Client, permission: str
) -> None:
    charlie.is_staff = True
    charlie.save()
    charlie.user_permissions.add(Permission.objects.get(codename=permission))
    client.force_login(charlie)
    address = f"/admin/accounts/user/{connected.pk}/delete/"
    assert client.get(address).status_code == client.post(address, {"post": "yes"}).status_code == 403
    client.post(
        "/admin/accounts/user/", {"action": "delete_selected", "_selected_action": [connected.pk], "post": "yes"}
    )
    assert Grant.objects.get().integration.owner == connected
    assert gitlab.calls == []


def test_a_provider_that_is_down_is_called_later(connected: User, gitlab: Provider) -> None:
    answer = gitlab.handler
    gitlab.handler = lambda request: (503, {}, b"")
    connected.delete()
    duties.run_all()
    job = ProviderJob.objects.get()
    assert job.attempt_count == 1
    assert "503" in job.last_error
    assert Revocation.objects.get().attempt_count == 0, "the hook needs the token"
    gitlab.handler = answer
    ProviderJob.objects.update(due_at=timezone.now())
    duties.run_all()
    assert gitlab.hooks == {}
    assert not Revocation.objects.exists()


def test_earlier_deletions_of_the_owner_still_reach_the_provider(connected: User, gitlab: Provider) -> None:
    delete_integration(connected, "gitlab")
    connected.delete()
    duties.run_all()
    assert gitlab.hooks == {}
    assert gitlab.calls.count("POST revoke") == 2


def test_a_deletion_that_is_rolled_back_reaches_no_provider(connected: User, gitlab: Provider) -> None:
    with transaction.atomic():
        connected.delete()
        transaction.set_rollback(True)
    duties.run_all()
    assert len(gitlab.hooks) == 1
    assert Integration.objects.live().count() == 2
    assert gitlab.calls == []


def test_a_user_whose_secrets_can_no_longer_be_decrypted_can_be_deleted(connected: User, gitlab: Provider) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_integration SET secrets = %s", [b"?"])
        cursor.execute("UPDATE oauth_flows_grant SET tokens = %s", [b"?"])
    connected.delete()
    assert not Integration.objects.exists()
    duties.run_all()
    assert gitlab.calls == [], "nothing can be said to the provider without the key"


def test_a_webhooks_deliveries_are_deleted_with_its_owner_and_bobs_stay(connected: User, bob: User) -> None:
    with FakeServer(lambda request: (204, {}, b"")) as receiver:
        connect_webhook(bob, receiver.url)
        publish(bob, "asset.created", {"assetId": "asset-2", "name": "Table"})
        connected.delete()
        assert list(Delivery.objects.values_list("owner", "status")) == [(bob.pk, "pending")]

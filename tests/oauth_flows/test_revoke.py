from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from integrations import services
from integrations.models import Integration, ProviderJob
from invenicum.accounts.models import User
from oauth_flows.clients import client_for
from oauth_flows.code_exchange import Connection
from oauth_flows.connect import connect
from oauth_flows.models import Grant, Revocation
from oauth_flows.protocol import Tokens
from oauth_flows.revoke import REVOCATION_RETRY_SECONDS, disconnect
from tests.api_client import Api
from tests.audit_trail import connection_entries
from tests.fakes.authorization_server import AuthorizationServer
from tests.fakes.http_server import FakeServer, close, json_answer
from tests.fakes.token_server import TokenServer
from tests.jobs import revoke_due
from tests.oauth_flows.connected import connect_dropbox
from tests.oauth_flows.consent import Consent
from tests.oauth_flows.test_authorizations import CALLBACK, begin
from webhooks import duties

pytestmark = pytest.mark.django_db


def actions() -> list[str]:
    return list(connection_entries().order_by("id").values_list("action", flat=True))


def test_deleting_revokes_both_tokens_at_the_provider(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    client = api(alice)
    client.get(CALLBACK, ada.allow(begin(client)["authorizationUrl"]))
    grant = Grant.objects.get()
    assert drive.knows(grant.access_token)
    deleted = client.delete("/api/v1/integrations/google_drive")
    assert deleted.json()["message"] == "Google Drive integration deleted successfully"
    assert not Grant.objects.exists()
    before = len(drive.log())
    assert revoke_due() == 0  # the hooks first
    duties.run_all()
    assert [(call["path"], call["status"]) for call in drive.log()[before:]] == [("/o/revoke_token/", 200)] * 2
    assert not drive.knows(grant.access_token)
    assert not Revocation.objects.exists()
    assert actions() == ["connected", "disconnected", "revoked"]
    gone = connection_entries().get(action="disconnected")
    assert (gone.actor, gone.address, gone.account) == (alice, "127.0.0.1", "ada@example.com")


def test_a_provider_that_is_down_does_not_hold_up_the_deletion(dropbox: TokenServer, alice: User) -> None:
    connect_dropbox(alice)
    answer = dropbox.handler
    dropbox.handler = lambda request: close
    services.delete_integration(alice, "dropbox")
    assert not Grant.objects.exists()
    for tries in (1, 2):
        Revocation.objects.update(due_at=timezone.now())
        assert revoke_due() == 1
        revocation = Revocation.objects.get()
        assert revocation.attempt_count == tries
        assert revocation.due_at
        wait = (revocation.due_at - timezone.now()).total_seconds()
        assert REVOCATION_RETRY_SECONDS[tries] - 5 < wait <= REVOCATION_RETRY_SECONDS[tries]
    dropbox.handler = answer
    Revocation.objects.update(due_at=timezone.now())
    revoke_due()
    assert dropbox.given_back == ["access-1"]
    assert not Revocation.objects.exists()


def test_a_provider_that_asks_to_wait_is_not_asked_before(dropbox: TokenServer, alice: User) -> None:
    connect_dropbox(alice)
    dropbox.handler = lambda request: json_answer(429, {}, {"Retry-After": "7200"})
    services.delete_integration(alice, "dropbox")
    assert revoke_due() == 1
    due_at = Revocation.objects.get().due_at
    assert due_at
    assert 7100 < (due_at - timezone.now()).total_seconds() <= 7200


def test_after_the_last_attempt_the_tokens_are_erased_anyway(dropbox: TokenServer, alice: User) -> None:
    connect_dropbox(alice)
    services.delete_integration(alice, "dropbox")
    dropbox.handler = lambda request: json_answer(500, {})
    Revocation.objects.update(attempt_count=len(REVOCATION_RETRY_SECONDS) - 1)
    revoke_due()
    assert not Revocation.objects.exists()
    assert actions() == ["disconnected", "revocation_given_up"]


def test_tokens_wait_encrypted(dropbox: TokenServer, alice: User) -> None:
    connect_dropbox(alice)
    services.delete_integration(alice, "dropbox")
    with connection.cursor() as cursor:
        cursor.execute("SELECT tokens FROM oauth_flows_revocation")
        [[stored]] = cursor.fetchall()
    assert b"access-1" not in bytes(stored)
    assert Revocation.objects.get().tokens["access"] == "access-1"


def test_an_expired_token_is_refreshed_before_it_revokes_itself(dropbox: TokenServer, alice: User) -> None:
    connect_dropbox(alice, expires_in=-60)
    services.delete_integration(alice, "dropbox")
    revoke_due()
    assert dropbox.given_back == ["access-2"]


def test_a_token_that_was_revoked_already_counts_as_revoked(dropbox: TokenServer, alice: User) -> None:
    connect_dropbox(alice, expires_in=-60)
    dropbox.revoked = True
    services.delete_integration(alice, "dropbox")
    revoke_due()
    assert not Revocation.objects.exists()
    assert actions()[-1] == "revoked"


def test_hooks_are_removed_before_the_tokens_are_revoked(dropbox: TokenServer, alice: User) -> None:
    grant = connect_dropbox(alice)
    job = ProviderJob.objects.create(
        kind="delete",
        integration_id=grant.integration_id,
        owner_id=alice.pk,
        due_at=timezone.now() + timedelta(hours=1),
    )
    services.delete_integration(alice, "dropbox")
    assert revoke_due() == 0
    job.delete()
    assert revoke_due() == 1


def test_the_audit_trail_names_the_administrator_who_revokes(
    dropbox: TokenServer, alice: User, admin_user: User
) -> None:
    disconnect(connect_dropbox(alice))
    assert not Integration.objects.live().exists()
    assert actions() == ["revoked", "disconnected"]
    revoke_due()
    assert dropbox.given_back == ["access-1"]


@pytest.fixture
def google(settings: Settings, alice: User) -> Iterator[FakeServer]:
    """Google Drive and Analytics of one account, connected by one client."""
    settings.OAUTH_CLIENTS = dict.fromkeys(("google_drive", "google_analytics"), ("google-client", "secret"))
    with FakeServer(lambda request: (200, {}, b"")) as server:
        settings.PROVIDER_ENDPOINTS = {
            name: {"revokeUrl": f"{server.url}/revoke"} for name in ("google_drive", "google_analytics")
        }
        now = timezone.now()
        for name in ("google_drive", "google_analytics"):
            Grant.objects.create(
                integration=Integration.objects.create(owner=alice, type=name),
                account="ada@example.com",
                account_key="ada@example.com",
                client_id="google-client",
                servers=client_for(name).servers,
                tokens={"access": name, "refresh": name},
                connected_at=now,
                refreshed_at=now,
            )
        yield server


def test_deleting_one_connection_of_an_account_does_not_end_the_other(google: FakeServer, alice: User) -> None:
    """Google ends everything that the account gave the client, whichever token is revoked."""
    services.delete_integration(alice, "google_drive")
    duties.run_all()
    assert google.requests == []
    assert "another connection" in connection_entries().latest("id").detail
    services.delete_integration(alice, "google_analytics")
    duties.run_all()
    assert len(google.requests) == 2


def test_tokens_of_a_client_that_is_no_longer_ours_are_given_up(
    settings: Settings, google: FakeServer, alice: User
) -> None:
    services.delete_integration(alice, "google_drive")
    settings.OAUTH_CLIENTS = {"google_drive": ("another", "secret")}
    duties.run_all()
    assert google.requests == []
    assert actions()[-1] == "revocation_given_up"


def test_the_tokens_of_a_deleted_user_are_revoked(dropbox: TokenServer, alice: User) -> None:
    connect_dropbox(alice)
    alice.delete()
    assert not Grant.objects.exists()
    assert revoke_due() == 1
    assert dropbox.given_back == ["access-1"]


def test_connecting_another_account_revokes_the_tokens_of_the_first(dropbox: TokenServer, alice: User) -> None:
    grant = connect_dropbox(alice)
    tokens = Tokens(access="access-9", refresh="refresh-9", expires_in=3600, scopes=None, answer={})
    connect(alice, client_for("dropbox"), Connection(tokens, "ada@example.com"))
    assert not Revocation.objects.exists()  # revoking might end the new connection too
    connect(alice, client_for("dropbox"), Connection(tokens, "bea@example.com"))
    assert Revocation.objects.get().account == "ada@example.com"
    grant.refresh_from_db()
    assert (grant.account, grant.access_token, grant.generation) == ("bea@example.com", "access-9", 2)

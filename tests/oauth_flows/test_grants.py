"""What a grant means for saving, testing, pausing and deleting an integration."""

from typing import Any

import pytest

from integrations import connection_tests, services
from integrations.core.errors import InvalidConfig
from integrations.models import Integration, ProviderJob
from invenicum.accounts.models import User
from oauth_flows.models import Grant, Revocation
from tests.api_client import Api
from tests.fakes.token_server import TokenServer
from tests.jobs import run_provider_jobs
from tests.oauth_flows.connected import connect_dropbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def gitlab(alice: User) -> Integration:
    """A GitLab of Alice's, connected by OAuth."""
    grant = connect_dropbox(alice)
    Integration.objects.update(type="gitlab", config={"project": "a/b"})
    grant.refresh_from_db()
    return grant.integration


def test_no_key_is_asked_for_while_connected(gitlab: Integration, alice: User) -> None:
    saved = services.save_integration(alice, "gitlab", {"project": "a/c"})
    assert saved.integration.config == {"project": "a/c"}
    assert Grant.objects.exists()


def test_without_a_connection_the_key_is_asked_for(alice: User) -> None:
    with pytest.raises(InvalidConfig) as caught:
        services.save_integration(alice, "gitlab", {"project": "a/c"})
    assert "apiKey" in caught.value.details


def test_the_token_is_not_sent_elsewhere(gitlab: Integration, alice: User) -> None:
    moved = {"project": "a/b", "baseUrl": "https://evil.example.com"}
    for call in (services.save_integration, connection_tests.test_connection):
        with pytest.raises(InvalidConfig, match="connect again") as caught:
            call(alice, "gitlab", moved)
        assert list(caught.value.details) == ["baseUrl"]
    assert Integration.objects.get().config == {"project": "a/b"}


def test_a_key_given_instead_ends_the_connection(settings: Any, gitlab: Integration, alice: User) -> None:
    values = {"project": "a/b", "apiKey": "glpat-12345678", "baseUrl": "https://git.example.com"}
    saved = services.save_integration(alice, "gitlab", values)
    assert saved.integration.account == ""
    assert saved.integration.secrets == {"apiKey": "glpat-12345678"}
    assert not Grant.objects.exists()
    assert Revocation.objects.get().type == "gitlab"


def test_a_type_that_knows_only_oauth_cannot_be_saved_without(alice: User) -> None:
    with pytest.raises(InvalidConfig, match="/integrations/oauth/authorize/google_drive"):
        services.save_integration(alice, "google_drive", {})


def test_a_connection_is_tested_with_a_fresh_token(dropbox: TokenServer, alice: User, api: Api) -> None:
    connect_dropbox(alice, expires_in=-1)
    answer = api(alice).post("/api/v1/integrations/test", {"type": "dropbox", "config": {}})
    assert answer.status_code == 200, answer.content
    assert dropbox.refreshes == 1


def test_a_refused_connection_cannot_be_resumed_by_hand(dropbox: TokenServer, alice: User, api: Api) -> None:
    connect_dropbox(alice, expires_in=-1)
    dropbox.revoked = True
    client = api(alice)
    tested = client.post("/api/v1/integrations/test", {"type": "dropbox", "config": {}})
    assert tested.json()["error"] == "INTEGRATION_AUTH_FAILED"
    shown = client.get("/api/v1/integrations/dropbox").json()["data"]
    assert (shown["status"], shown["isActive"]) == ("needs_reconnect", False)
    refused = client.patch("/api/v1/integrations/dropbox", {"isActive": True})
    assert (refused.status_code, refused.json()["error"]) == (400, "INVALID_CONFIG")
    saved = client.post("/api/v1/integrations", {"type": "dropbox", "config": {"path": "/Inventory"}})
    assert saved.json()["data"]["isActive"] is False
    assert Integration.objects.get().status == "needs_reconnect"


def test_a_paused_integration_stays_paused_when_its_grant_is_refused(dropbox: TokenServer, alice: User) -> None:
    connect_dropbox(alice, expires_in=-1)
    services.set_active(alice, "dropbox", False)
    dropbox.revoked = True
    from oauth_flows.refresh import refresh_due

    Grant.objects.update(refresh_at="2026-01-01T00:00:00Z")
    refresh_due()
    assert Grant.objects.get().refused_at is not None
    assert Integration.objects.get().status == "paused"


def test_the_hook_of_a_deleted_integration_is_removed_with_its_token(gitlab: Integration, alice: User) -> None:
    services.delete_integration(alice, "gitlab")
    payload = ProviderJob.objects.get(kind="delete").payload
    assert payload["secrets"] == {"accessToken": "access-1"}


def test_bob_can_neither_see_nor_change_it(dropbox: TokenServer, alice: User, bob: User, api: Api) -> None:
    connect_dropbox(alice)
    client = api(bob)
    assert client.get("/api/v1/integrations/dropbox").status_code == 404
    assert client.delete("/api/v1/integrations/dropbox").status_code == 404
    tested = client.post("/api/v1/integrations/test", {"type": "dropbox", "config": {}})
    assert tested.status_code == 400
    assert Grant.objects.exists()
    assert run_provider_jobs() == 0

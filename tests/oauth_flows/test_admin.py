import pytest
from django.test import Client

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.audit.models import AuditEntry
from oauth_flows.models import Grant, ProviderApp, Revocation
from tests.audit_trail import connection_entries
from tests.fakes.token_server import TokenServer
from tests.oauth_flows.connected import connect_dropbox

pytestmark = pytest.mark.django_db


def test_grants_are_listed_by_account_without_any_token(
    dropbox: TokenServer, alice: User, admin_client: Client
) -> None:
    grant = connect_dropbox(alice)
    for path in ("/admin/oauth_flows/grant/", f"/admin/oauth_flows/grant/{grant.pk}/change/"):
        page = admin_client.get(path)
        assert page.status_code == 200
        text = page.content.decode()
        assert "ada@example.com" in text
        assert "files.content.write" in text
        assert "access-1" not in text
        assert "refresh-1" not in text
    assert admin_client.get("/admin/oauth_flows/grant/", {"q": "ada@"}).status_code == 200
    assert "tokens" not in str(grant)


def test_many_grants_are_revoked_at_once(
    dropbox: TokenServer, alice: User, bob: User, admin_client: Client, admin_user: User
) -> None:
    chosen = [connect_dropbox(alice).pk, connect_dropbox(bob).pk]
    page = admin_client.post(
        "/admin/oauth_flows/grant/", {"action": "revoke", "post": "yes", "_selected_action": chosen}, follow=True
    )
    assert "2 revoked." in page.content.decode()
    assert not Grant.objects.exists()
    assert not Integration.objects.live().exists()
    assert Revocation.objects.count() == 2
    entries = connection_entries().filter(action="revoked")
    assert {(entry.owner, entry.actor, entry.address) for entry in entries} == {
        (alice, admin_user, "127.0.0.1"),
        (bob, admin_user, "127.0.0.1"),
    }


def test_tokens_that_wait_to_be_revoked_are_not_shown_either(
    dropbox: TokenServer, alice: User, admin_client: Client
) -> None:
    connect_dropbox(alice)
    from integrations.services import delete_integration

    delete_integration(alice, "dropbox")
    Revocation.objects.update(last_error="Dropbox answered HTTP 503 to the revocation.", due_at="2030-01-01T00:00:00Z")
    text = admin_client.get("/admin/oauth_flows/revocation/").content.decode()
    assert "HTTP 503" in text
    assert "access-1" not in text
    chosen = {"action": "try_now", "post": "yes", "_selected_action": [Revocation.objects.get().pk]}
    admin_client.post("/admin/oauth_flows/revocation/", chosen)
    due_at = Revocation.objects.get().due_at
    assert due_at
    assert due_at.year < 2030


def test_a_clients_secret_can_be_set_and_is_never_shown(admin_client: Client) -> None:
    values = {"type": "gitlab", "client_id": "id", "new_secret": "s3cret-of-gitlab", "server": ""}
    add = "/admin/oauth_flows/providerapp/add/"
    assert "A client needs its secret." in admin_client.post(add, {**values, "new_secret": ""}).content.decode()
    assert admin_client.post(add, values).status_code == 302
    app = ProviderApp.objects.get()
    assert app.client_secret == "s3cret-of-gitlab"
    change = f"/admin/oauth_flows/providerapp/{app.pk}/change/"
    page = admin_client.get(change).content.decode()
    assert "s3cret-of-gitlab" not in page
    assert "/api/v1/integrations/oauth/callback/gitlab" in page
    assert admin_client.post(change, {**values, "new_secret": ""}).status_code == 302
    app.refresh_from_db()
    assert (app.client_id, app.client_secret) == ("id", "s3cret-of-gitlab")
    refused = admin_client.post(change, {**values, "type": "s3"})
    assert "This type has no OAuth." in refused.content.decode()


@pytest.mark.parametrize("moved", ["server", "client_id", "type"])
def test_a_clients_secret_does_not_follow_another_server_client_or_type(admin_client: Client, moved: str) -> None:
    app = ProviderApp.objects.create(type="gitlab", client_id="id", client_secret="s3cret-of-gitlab")
    stored = {"type": "gitlab", "client_id": "id", "server": "", "new_secret": ""}
    other = {"server": "https://evil.example.com", "client_id": "another", "type": "github"}[moved]
    change = f"/admin/oauth_flows/providerapp/{app.pk}/change/"
    page = admin_client.post(change, {**stored, moved: other})
    assert "Give the secret again" in page.content.decode()
    app.refresh_from_db()
    assert (app.type, app.client_id, app.server) == ("gitlab", "id", "")
    assert admin_client.post(change, {**stored, moved: other, "new_secret": "of the other"}).status_code == 302
    app.refresh_from_db()
    assert app.client_secret == "of the other"


def test_the_trail_can_be_read_and_not_edited(alice: User, admin_client: Client) -> None:
    entry = AuditEntry.objects.create(action="connected", type="dropbox", account="ada@example.com", owner=alice)
    assert "ada@example.com" in admin_client.get("/admin/audit/auditentry/").content.decode()
    assert admin_client.get("/admin/audit/auditentry/add/").status_code == 403
    change = f"/admin/audit/auditentry/{entry.pk}/change/"
    assert admin_client.post(change, {"account": "x"}).status_code == 403
    assert admin_client.post(f"/admin/audit/auditentry/{entry.pk}/delete/").status_code == 403


def test_only_staff_sees_it(charlie: User, client: Client) -> None:
    client.force_login(charlie)
    for name in ("grant", "providerapp", "revocation"):
        assert client.get(f"/admin/oauth_flows/{name}/").status_code == 302

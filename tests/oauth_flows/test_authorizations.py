"""Authorizations at an independent authorization server."""

import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from integrations.models import Integration
from invenicum.accounts.models import BrowserSession, User
from oauth_flows.clients import redirect_uri
from oauth_flows.models import Authorization, Grant
from tests.api_client import Api
from tests.audit_trail import connection_entries
from tests.fakes.authorization_server import AuthorizationServer
from tests.oauth_flows.connected import connected_drive
from tests.oauth_flows.consent import Consent
from webhooks.retention import prune

pytestmark = pytest.mark.django_db
AUTHORIZE = "/api/v1/integrations/oauth/authorize/google_drive"
CALLBACK = "/api/v1/integrations/oauth/callback/google_drive"
PAGE = {"Accept": "text/html,application/xhtml+xml"}


def begin(client: Client, **query: str) -> dict[str, str]:
    answer = client.get(AUTHORIZE, query)
    assert answer.status_code == 200, answer.content
    begun: dict[str, str] = answer.json()
    return begun


def test_an_authorization_ends_in_an_active_integration(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    client = api(alice)
    begun = begin(client)
    answer = client.get(CALLBACK, ada.allow(begun["authorizationUrl"]))
    grant = connected_drive(answer, alice, drive)
    assert grant.expires_at
    assert grant.refresh_at
    assert grant.expires_at > grant.refresh_at > grant.connected_at
    shown = client.get("/api/v1/integrations/google_drive").json()["data"]
    assert (shown["account"], shown["status"], shown["isActive"]) == ("ada@example.com", "active", True)
    [entry] = connection_entries()
    assert (entry.action, entry.owner, entry.actor, entry.address) == ("connected", alice, alice, "127.0.0.1")


def test_only_the_owner_sees_the_connection(
    drive: AuthorizationServer, ada: Consent, alice: User, charlie: User, api: Api
) -> None:
    client = api(alice)
    client.get(CALLBACK, ada.allow(begin(client)["authorizationUrl"]))
    assert api(charlie).get("/api/v1/integrations/google_drive").status_code == 404
    assert api(charlie).get("/api/v1/integrations/status").json()["data"]["google_drive"] is False


def test_the_request_has_a_state_and_a_proof_key_of_its_own(drive: AuthorizationServer, alice: User, api: Api) -> None:
    client = api(alice)
    first, second = begin(client), begin(client)
    queries = [parse_qs(urlsplit(begun["authorizationUrl"]).query) for begun in (first, second)]
    assert first["state"] != second["state"]
    assert len(first["state"]) >= 43  # 256 bits as base64
    assert queries[0]["code_challenge"] != queries[1]["code_challenge"]
    for query, begun in zip(queries, (first, second), strict=True):
        assert query["state"] == [begun["state"]]
        assert query["code_challenge_method"] == ["S256"]
        assert query["response_type"] == ["code"]
        assert query["redirect_uri"] == [redirect_uri("google_drive")]
        assert query["scope"] == ["openid email https://www.googleapis.com/auth/drive.file"]
        assert query["access_type"] == ["offline"]


def test_several_authorizations_may_be_under_way_in_one_browser(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    client = api(alice)
    first, second = begin(client), begin(client)
    assert client.get(CALLBACK, ada.allow(second["authorizationUrl"])).status_code == 200
    assert client.get(CALLBACK, ada.allow(first["authorizationUrl"])).status_code == 200
    assert Grant.objects.count() == 1
    assert list(connection_entries().values_list("action", flat=True)) == ["reconnected", "connected"]


def test_a_browser_is_redirected_and_sees_a_page(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    client = api(alice)
    redirect = client.get(AUTHORIZE, headers=PAGE)
    assert redirect.status_code == 302
    assert redirect["Location"].startswith(f"{drive.url}/o/authorize/?")
    assert redirect["Cross-Origin-Opener-Policy"] == "unsafe-none"
    parameters = ada.allow(redirect["Location"])
    page = client.get(CALLBACK, parameters, headers=PAGE)
    assert page.status_code == 200
    text = page.content.decode()
    assert "Google Drive is connected" in text
    assert "ada@example.com" in text
    assert parameters["code"] not in text
    assert parameters["state"] not in text


def test_the_page_protects_what_is_in_its_address(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    client = api(alice)
    page = client.get(CALLBACK, ada.allow(begin(client)["authorizationUrl"]), headers=PAGE)
    assert page["Referrer-Policy"] == "no-referrer"
    assert page["Cache-Control"] == "no-store"
    assert page["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in page["Content-Security-Policy"]
    assert page["Cross-Origin-Opener-Policy"] == "unsafe-none"


def test_with_a_return_url_the_browser_goes_back_to_the_app(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    client = api(alice)
    begun = begin(client, returnUrl="https://app.example.com/integrations?tab=storage&status=failed")
    answer = client.get(CALLBACK, ada.allow(begun["authorizationUrl"]), headers=PAGE)
    assert answer.status_code == 302
    expected = "https://app.example.com/integrations?tab=storage&status=connected&type=google_drive"
    assert answer["Location"] == expected


def test_a_user_who_declines_sees_why_nothing_is_connected_and_can_try_again(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    client = api(alice)
    begun = begin(client, returnUrl="https://app.example.com/integrations")
    page = client.get(CALLBACK, ada.deny(begun["authorizationUrl"]), headers=PAGE)
    assert page.status_code == 400
    text = page.content.decode()
    assert "The access was not granted" in text
    assert 'href="https://app.example.com/integrations?status=failed&amp;type=google_drive"' in text
    assert f'href="{AUTHORIZE}?returnUrl=https%3A%2F%2Fapp.example.com%2Fintegrations"' in text
    again = client.get(AUTHORIZE, headers={**PAGE, "Authorization": "", "Sec-Fetch-Site": "same-origin"})
    assert again.status_code == 302
    assert client.get(CALLBACK, ada.allow(again["Location"]), headers=PAGE).status_code == 200


def test_neither_state_nor_verifier_nor_token_is_stored_in_clear(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    client = api(alice)
    begun = begin(client)
    verifier = Authorization.objects.get().code_verifier
    secrets = [begun["state"], verifier]
    assert not leaked(secrets)
    client.get(CALLBACK, ada.allow(begun["authorizationUrl"]))
    grant = Grant.objects.get()
    assert not leaked([grant.access_token, grant.refresh_token, verifier])
    assert hashlib.sha256(begun["state"].encode()).hexdigest() not in dump()


def leaked(secrets: list[str]) -> list[str]:
    text = dump()
    return [secret for secret in secrets if secret in text]


def dump() -> str:
    """Everything that the service's own tables and the sessions hold, as text."""
    tables = [table for table in connection.introspection.table_names() if not table.startswith("oauth2_provider")]
    rows = []
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            rows += [
                bytes(cell).decode("latin-1") if isinstance(cell, memoryview) else str(cell)
                for row in cursor.fetchall()
                for cell in row
            ]
    return "\n".join(rows)


def test_connecting_again_keeps_the_settings_and_resumes_waiting_deliveries(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    client = api(alice)
    client.get(CALLBACK, ada.allow(begin(client)["authorizationUrl"]))
    saved = client.post("/api/v1/integrations", {"type": "google_drive", "config": {"pathPrefix": "inventory/"}})
    assert saved.status_code == 200, saved.content
    Integration.objects.update(status="needs_reconnect", stop_reason="expired")
    client.get(CALLBACK, ada.allow(begin(client)["authorizationUrl"]))
    integration = Integration.objects.get()
    assert integration.config == {"pathPrefix": "inventory/"}
    assert (integration.status, integration.status_reason) == ("active", "")


def test_sessions_that_have_ended_are_pruned(drive: AuthorizationServer, alice: User, api: Api) -> None:
    begin(api(alice))
    prune(timezone.now())
    assert BrowserSession.objects.exists()
    BrowserSession.objects.update(expire_date=timezone.now())
    prune(timezone.now())
    assert not BrowserSession.objects.exists()


def test_a_callback_that_finds_no_free_thread_can_be_sent_again(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api, settings: Settings
) -> None:
    client = api(alice)
    answer = ada.allow(begin(client)["authorizationUrl"])
    settings.OUTGOING_AT_ONCE = 0
    refused = client.get(CALLBACK, answer)
    assert (refused.status_code, refused.json()["error"], refused["Retry-After"]) == (429, "RATE_LIMITED", "2")
    page = client.get(CALLBACK, answer, headers=PAGE)
    assert page.status_code == 429
    assert page["Content-Type"].startswith("text/html")
    settings.OUTGOING_AT_ONCE = 2
    assert client.get(CALLBACK, answer).status_code == 200

"""The real answers of providers, from a small fake of each over a real socket."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_django import Settings

from integrations.models import Integration
from invenicum.accounts.models import User
from oauth_flows.models import Grant, ProviderApp, Revocation
from tests.api_client import Api
from tests.fakes.http_server import Answer, FakeServer, close, json_answer

pytestmark = pytest.mark.django_db
SLACK_URL = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
NOTHING_MISSED = {"count": 0, "isExact": True, "since": None}
Provider = Callable[..., AbstractContextManager[FakeServer]]
Connect = Callable[..., Any]


@pytest.fixture
def provider(settings: Settings) -> Provider:
    """`provider("slack", token=…, me=…)` is the authorization server of Slack that answers so."""

    @contextmanager
    def run(integration_type: str, token: Answer, me: Answer = (404, {}, b"")) -> Iterator[FakeServer]:
        settings.OAUTH_CLIENTS = {integration_type: ("client", "secret")}
        with FakeServer(lambda request: token if request.path == "/token" else me) as server:
            addresses = {
                "authorizeUrl": "/authorize",
                "tokenUrl": "/token",
                "identityUrl": "/me",
                "revokeUrl": "/revoke",
            }
            settings.PROVIDER_ENDPOINTS = {
                integration_type: {name: server.url + path for name, path in addresses.items()}
            }
            yield server

    return run


@pytest.fixture
def connect(api: Api, alice: User) -> Connect:
    """Runs an authorization of Alice's with any code. Returns the callback's answer to these headers."""

    def run(integration_type: str, **headers: str) -> Any:
        client = api(alice)
        begun = client.get(f"/api/v1/integrations/oauth/authorize/{integration_type}").json()
        query = {"code": "c0de", "state": begun["state"]}
        return client.get(f"/api/v1/integrations/oauth/callback/{integration_type}", query, headers=headers)

    return run


def test_slacks_answer_fills_in_its_webhook_and_the_team(provider: Provider, connect: Connect) -> None:
    answer = json_answer(
        200,
        {
            "ok": True,
            "access_token": "xoxb-17653672481",
            "token_type": "bot",
            "scope": "incoming-webhook",
            "app_id": "A0KRD7HC3",
            "team": {"name": "Invenicum Team", "id": "T1"},
            "incoming_webhook": {"channel": "Maria Example", "channel_id": "D024BE91L", "url": SLACK_URL},
        },
    )
    with provider("slack", answer) as server:
        connected = connect("slack")
    assert connected.json()["data"] == {
        "type": "slack",
        "isActive": True,
        "account": "Invenicum Team",
        "missed": NOTHING_MISSED,
    }
    integration = Integration.objects.get()
    # A direct message's name is a person's, which is no channel's name.
    assert integration.config == {"channel": "D024BE91L", "webhookChannel": "D024BE91L"}
    assert integration.secrets == {"webhookUrl": SLACK_URL}
    [request] = server.requests
    assert request.headers["authorization"].startswith("Basic ")
    assert b"code_verifier" not in request.body
    grant = Grant.objects.get()
    assert (grant.access_token, grant.refresh_token, grant.expires_at) == ("xoxb-17653672481", "", None)
    assert (grant.account_key, grant.app_id) == ("T1", "A0KRD7HC3")


def test_slack_with_a_users_token_only(provider: Provider, connect: Connect) -> None:
    user = {"id": "U1", "access_token": "xoxp-1", "refresh_token": "xoxe-1", "expires_in": 43200}
    answer = {"ok": True, "authed_user": user, "team": {"name": "T"}}
    with provider("slack", json_answer(200, answer)):
        assert connect("slack").status_code == 200
    grant = Grant.objects.get()
    assert (grant.access_token, grant.refresh_token) == ("xoxp-1", "xoxe-1")
    assert grant.refresh_at is not None


def test_a_webhook_with_a_private_address_is_not_stored(provider: Provider, connect: Connect) -> None:
    hook = {"channel": "#a", "url": "http://169.254.169.254/latest"}
    with provider(
        "slack", json_answer(200, {"ok": True, "access_token": "x", "team": {"name": "T"}, "incoming_webhook": hook})
    ):
        answer = connect("slack")
    assert (answer.status_code, answer.json()["error"]) == (400, "OAUTH_ERROR")
    assert not Integration.objects.exists()
    assert Revocation.objects.get().tokens == {"access": "x"}


def test_discords_answer_fills_in_its_webhook(provider: Provider, connect: Connect) -> None:
    url = "https://discord.com/api/webhooks/347114750880120863/" + "k" * 68
    answer = {
        "access_token": "a",
        "refresh_token": "r",
        "expires_in": 604800,
        "scope": "webhook.incoming",
        "webhook": {"name": "Invenicum", "url": url, "channel_id": "1"},
    }
    with provider("discord", json_answer(200, answer)):
        connected = connect("discord").json()["data"]
    assert connected == {
        "type": "discord",
        "isActive": True,
        "account": "Invenicum",
        "missed": NOTHING_MISSED,
    }
    assert Integration.objects.get().secrets == {"webhookUrl": url}


def test_github_is_connected_and_then_completed(provider: Provider, connect: Connect, api: Api, alice: User) -> None:
    token = {"access_token": "gho_1", "scope": "admin:repo_hook,repo", "token_type": "bearer"}
    with provider("github", json_answer(200, token), json_answer(200, {"login": "ada"})) as server:
        connected = connect("github")
        assert connected.json()["data"] == {"type": "github", "isActive": False, "account": "ada"}
        assert server.requests[0].headers["accept"] == "application/json"
        assert server.requests[1].headers["authorization"] == "Bearer gho_1"
    client = api(alice)
    shown = client.get("/api/v1/integrations/github").json()["data"]
    assert shown["status"] == "paused"
    assert shown["statusReason"] == "Connected. Still needed: organization and repository."
    refused = client.patch("/api/v1/integrations/github", {"isActive": True})
    assert (refused.status_code, refused.json()["error"]) == (400, "INVALID_CONFIG")
    saved = client.post(
        "/api/v1/integrations", {"type": "github", "config": {"organization": "my-org", "repository": "assets"}}
    )
    assert saved.json()["data"]["isActive"] is True
    assert client.get("/api/v1/integrations/github").json()["data"]["statusReason"] is None


@pytest.mark.parametrize(
    ("token", "says"),
    [
        (json_answer(200, {"error": "bad_verification_code", "error_description": "x"}), "bad_verification_code"),
        (json_answer(200, {"ok": False, "error": "invalid_code"}), "invalid_code"),
        (json_answer(400, {"error": "invalid_grant"}), "invalid_grant"),
        (json_answer(503, {}), "HTTP 503"),
        ((200, {}, b"<html>maintenance</html>"), "no access token"),
        ((200, {"Content-Type": "application/json"}, b'{"access_token": '), "no access token"),
        ((302, {"Location": "https://evil.example.com/"}, b""), "HTTP 302"),
        (close, "closed the connection"),
    ],
    ids=["GitHub", "Slack", "RFC", "down", "page", "cut", "redirect", "closed"],
)
def test_a_failed_exchange_stores_nothing(provider: Provider, connect: Connect, token: Answer, says: str) -> None:
    with provider("github", token):
        answer = connect("github")
    assert (answer.status_code, answer.json()["error"]) == (400, "OAUTH_ERROR")
    assert says in answer.json()["message"]
    assert "Please try again." in answer.json()["message"]
    assert not Integration.objects.exists()
    assert not Grant.objects.exists()


@pytest.mark.parametrize("me", [json_answer(401, {}), json_answer(200, []), (200, {}, b"hello"), close])
def test_without_an_account_nothing_is_stored_and_the_token_is_revoked(
    provider: Provider, connect: Connect, me: Answer
) -> None:
    with provider("gitlab", json_answer(200, {"access_token": "a", "refresh_token": "r"}), me):
        answer = connect("gitlab")
    assert answer.json()["error"] == "OAUTH_ERROR"
    assert not Integration.objects.exists()
    assert Revocation.objects.get().tokens == {"access": "a", "refresh": "r"}


def test_texts_that_no_database_stores_are_replaced(provider: Provider, connect: Connect) -> None:
    token: Answer = (200, {}, rb'{"access_token": "a", "scope": "api\u0000 read_user\ud800"}')
    with provider("gitlab", token, (200, {}, rb'{"username": "a\u0000\ud800\u202eda"}')):
        answer = connect("gitlab")
    assert answer.json()["data"]["account"] == "a\ufffd? da"
    assert Grant.objects.get().scopes == ["api\ufffd", "read_user?"]


def test_a_popup_stays_open_while_something_is_still_needed(provider: Provider, connect: Connect) -> None:
    with provider("gitlab", json_answer(200, {"access_token": "a"}), json_answer(200, {"username": "ada"})):
        page = connect("gitlab", Accept="text/html").content.decode()
    assert "Still needed: project." in page
    assert "window.close()" not in page


def test_a_permission_that_was_not_granted_is_named(provider: Provider, connect: Connect) -> None:
    token = json_answer(200, {"access_token": "a", "scope": "openid email"})
    with provider("google_drive", token, json_answer(200, {"email": "ada@example.com"})):
        answer = connect("google_drive")
    assert "drive.file" in answer.json()["message"]
    assert not Integration.objects.exists()


def test_a_self_hosted_server_gets_its_own_tokens_only(connect: Connect, api: Api, alice: User) -> None:
    """Whatever the configuration said before, the token goes to the server that issued it."""
    config = {"apiKey": "glpat-12345678", "project": "a/b", "baseUrl": "https://evil.example.com"}
    api(alice).post("/api/v1/integrations", {"type": "gitlab", "config": config})
    with FakeServer(lambda request: json_answer(200, {"access_token": "a", "username": "ada"})) as server:
        ProviderApp.objects.create(type="gitlab", client_id="i", client_secret="s", server=server.url)
        assert connect("gitlab").status_code == 200
        integration = Integration.objects.get()
        assert integration.config["baseUrl"] == server.url
        assert integration.secrets == {}
        assert [urlsplit(request.path).path for request in server.requests] == ["/oauth/token", "/api/v4/user"]
        assert parse_qs(server.requests[0].body.decode())["client_id"] == ["i"]

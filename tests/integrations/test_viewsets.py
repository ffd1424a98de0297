"""The integrations API, as the Invenicum app calls it."""

from typing import Any

import pytest
from django.db import connection

from integrations.models import Integration
from integrations.registry import CONNECTORS
from invenicum.accounts.models import User
from tests.fakes.http_server import FakeServer

GITHUB = {
    "apiKey": "ghp_xxxxxxxxxxxxx",
    "organization": "my-org",
    "repository": "asset-repo",
    "webhookUrl": "https://api.invenicum.com/webhooks/github",
    "events": ["push", "pull_request", "release"],
}
SLACK = {
    "webhookUrl": "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXX",
    "channel": "#asset-updates",
    "username": "Invenicum Bot",
    "iconEmoji": ":package:",
}
WEBHOOK = {
    "url": "https://myservice.example.com/webhooks/invenicum",
    "method": "POST",
    "headers": {"Authorization": "Bearer token-here", "X-Custom-Header": "value"},
    "events": ["asset.created", "asset.updated", "asset.deleted"],
}


def save(client: Any, integration_type: str, config: dict[str, Any], **more: Any) -> Any:
    return client.post("/api/v1/integrations", {"type": integration_type, "config": config, **more})


def test_the_status_is_flat_and_has_every_type(api: Any, alice: User) -> None:
    save(api(alice), "slack", SLACK)
    data = api(alice).get("/api/v1/integrations/status").json()["data"]
    assert data == {connector.type: connector.type == "slack" for connector in CONNECTORS}


def test_saving_answers_as_the_spec_says(api: Any, alice: User) -> None:
    response = save(api(alice), "github", GITHUB)
    assert response.status_code == 200
    body = response.json()
    assert body["message"] == "GitHub integration saved successfully"
    assert body["success"] is True
    assert set(body["data"]) == {"type", "isActive", "createdAt", "missed"}
    assert (body["data"]["type"], body["data"]["isActive"]) == ("github", True)
    assert body["data"]["createdAt"].endswith("Z")
    assert len(body["data"]["createdAt"]) == 20


def test_reading_shows_the_config_without_secrets(api: Any, alice: User) -> None:
    save(api(alice), "github", GITHUB)
    data = api(alice).get("/api/v1/integrations/github").json()["data"]
    assert data["config"] == {name: value for name, value in GITHUB.items() if name != "apiKey"}
    assert data["secrets"]["apiKey"] is True
    assert (data["type"], data["isActive"], data["status"], data["lastSync"]) == ("github", True, "active", None)
    assert "ghp_" not in str(data)


def test_the_same_routes_answer_at_the_root(api: Any, alice: User) -> None:
    save(api(alice), "slack", SLACK)
    assert api(alice).get("/integrations/slack").json() == api(alice).get("/api/v1/integrations/slack").json()


def test_secrets_are_encrypted_at_rest(api: Any, alice: User) -> None:
    save(api(alice), "webhook", WEBHOOK)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM integrations_integration")
        stored = str([bytes(item) if isinstance(item, memoryview) else item for item in cursor.fetchone()])
    assert "token-here" not in stored
    assert "myservice.example.com" in stored
    integration = Integration.objects.get()
    assert integration.secrets["headers"]["Authorization"] == "Bearer token-here"


def test_an_integration_that_can_no_longer_be_decrypted_can_be_read_and_deleted(api: Any, alice: User) -> None:
    save(api(alice), "slack", SLACK)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_integration SET secrets = %s", [b"?"])
    assert api(alice).get("/integrations/slack").json()["data"]["secrets"]["webhookUrl"] is True
    assert api(alice).get("/integrations/slack/health").status_code == 200
    assert api(alice).delete("/integrations/slack").status_code == 200


def test_a_webhook_shows_header_names_without_values(api: Any, alice: User) -> None:
    save(api(alice), "webhook", WEBHOOK)
    data = api(alice).get("/integrations/webhook").json()["data"]
    assert data["config"]["headers"] == {"Authorization": "", "X-Custom-Header": ""}


def test_a_new_webhook_gets_a_signing_secret_that_is_shown_once(api: Any, alice: User) -> None:
    first = save(api(alice), "webhook", WEBHOOK).json()["data"]
    assert first["signingSecret"].startswith("whsec_")
    assert "signingSecret" not in save(api(alice), "webhook", WEBHOOK).json()["data"]
    shown = api(alice).get("/integrations/webhook/secret")
    assert shown.json() == {"data": {"signingSecret": first["signingSecret"]}}
    assert shown["Cache-Control"] == "no-store"


def test_a_webhooks_own_secret_is_used_and_not_repeated(api: Any, alice: User) -> None:
    secret = "my-own-secret-of-32-characters!!"
    data = save(api(alice), "webhook", {**WEBHOOK, "secret": secret}).json()["data"]
    assert "signingSecret" not in data
    assert api(alice).get("/integrations/webhook/secret").json()["data"]["signingSecret"] == secret


def test_a_rotated_secret_replaces_the_old_one(api: Any, alice: User) -> None:
    old = save(api(alice), "webhook", WEBHOOK).json()["data"]["signingSecret"]
    rotated = api(alice).post("/integrations/webhook/secret/rotate").json()["data"]
    assert rotated["signingSecret"] != old
    assert rotated["previousValidUntil"].endswith("Z")
    assert api(alice).get("/integrations/webhook/secret").json()["data"]["signingSecret"] == rotated["signingSecret"]


def test_a_type_that_signs_nothing_has_no_secret_to_show(api: Any, alice: User) -> None:
    save(api(alice), "slack", SLACK)
    response = api(alice).get("/integrations/slack/secret")
    assert (response.status_code, response.json()["error"]) == (404, "INTEGRATION_NOT_FOUND")


def test_saving_what_was_read_keeps_every_secret(api: Any, alice: User) -> None:
    save(api(alice), "webhook", WEBHOOK)
    before = Integration.objects.get().secrets
    shown = api(alice).get("/integrations/webhook").json()["data"]["config"]
    assert save(api(alice), "webhook", {**shown, "secret": ""}).status_code == 200
    assert Integration.objects.get().secrets == before


def test_a_new_address_asks_for_the_headers_again(api: Any, alice: User) -> None:
    save(api(alice), "webhook", WEBHOOK)
    shown = api(alice).get("/integrations/webhook").json()["data"]["config"]
    response = save(api(alice), "webhook", {**shown, "url": "https://evil.example.com/"})
    assert (response.status_code, response.json()["error"]) == (400, "INVALID_CONFIG")
    assert set(response.json()["details"]) == {"headers"}
    assert Integration.objects.get().config["url"] == WEBHOOK["url"]


def test_testing_with_blank_secrets_uses_the_stored_ones_and_saves_nothing(api: Any, alice: User) -> None:
    with FakeServer(lambda request: (204, {}, b"")) as server:
        save(api(alice), "webhook", {**WEBHOOK, "url": server.url})
        shown = api(alice).get("/integrations/webhook").json()["data"]["config"]
        before = Integration.objects.values().get()
        response = api(alice).post("/integrations/test", {"type": "webhook", "config": shown})
        after = Integration.objects.values().get()
    assert response.status_code == 200
    assert response.json()["success"] is True
    assert set(response.json()) == {"success", "message", "metadata"}
    assert server.requests[0].headers["authorization"] == "Bearer token-here"
    assert before == after


def test_a_test_that_fails_says_why_with_the_types_code(api: Any, alice: User) -> None:
    with FakeServer(lambda request: (500, {}, b"")) as server:
        response = api(alice).post("/integrations/test", {"type": "webhook", "config": {"url": server.url}})
    assert response.status_code == 400
    assert response.json()["error"] == "WEBHOOK_DELIVERY_FAILED"
    assert response.json()["success"] is False
    assert Integration.objects.count() == 0


def test_a_test_that_is_refused_is_an_authentication_failure(api: Any, alice: User) -> None:
    with FakeServer(lambda request: (401, {}, b"")) as server:
        response = api(alice).post("/integrations/test", {"type": "webhook", "config": {"url": server.url}})
    assert (response.status_code, response.json()["error"]) == (400, "INTEGRATION_AUTH_FAILED")


@pytest.mark.parametrize("path", ["/integrations/test", "/integrations"])
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"type": "slack"}, {"config"}),
        ({"config": {}}, {"type"}),
        ({"type": 5, "config": []}, {"type", "config"}),
        ({"type": "slack", "config": {"channel": "#general"}}, {"webhookUrl"}),
        ({"type": "slack", "config": {**SLACK, "webhookUrl": "https://evil.example.com/"}}, {"webhookUrl"}),
        ({"type": "slack", "config": {**SLACK, "colour": "red"}}, {"colour"}),
        ({"type": "webhook", "config": {"url": "https://user:pass@example.com/"}}, {"url"}),
        ({"type": "webhook", "config": {"url": "https://example.com/", "accessToken": "x"}}, {"accessToken"}),
    ],
)
def test_missing_malformed_and_unknown_fields_are_named(
    api: Any, alice: User, path: str, body: Any, fields: set[str]
) -> None:
    response = api(alice).post(path, body)
    assert (response.status_code, response.json()["error"]) == (400, "INVALID_CONFIG")
    assert set(response.json()["details"]) == fields
    assert Integration.objects.count() == 0


@pytest.mark.parametrize("path", ["/integrations/test", "/integrations"])
def test_an_unknown_type_is_not_found(api: Any, alice: User, path: str) -> None:
    response = api(alice).post(path, {"type": "fax" * 1000, "config": {}})
    assert (response.status_code, response.json()["error"]) == (404, "INTEGRATION_NOT_FOUND")
    assert len(response.json()["message"]) < 120
    assert "/connectors" in response.json()["message"]


@pytest.mark.parametrize("integration_type", ["slack", "fax"])
def test_an_integration_that_is_not_saved_is_not_found(api: Any, alice: User, integration_type: str) -> None:
    client = api(alice)
    for response in (
        client.get(f"/integrations/{integration_type}"),
        client.patch(f"/integrations/{integration_type}", {"isActive": True}),
        client.delete(f"/integrations/{integration_type}"),
        client.get(f"/integrations/{integration_type}/secret"),
    ):
        assert (response.status_code, response.json()["error"]) == (404, "INTEGRATION_NOT_FOUND")


def test_pausing_and_resuming(api: Any, alice: User) -> None:
    save(api(alice), "slack", SLACK)
    paused = api(alice).patch("/integrations/slack", {"isActive": False})
    assert (paused.status_code, paused.json()["data"]["status"]) == (200, "paused")
    assert api(alice).get("/integrations/status").json()["data"]["slack"] is False
    assert save(api(alice), "slack", SLACK).json()["data"]["isActive"] is False
    assert api(alice).patch("/integrations/slack", {"isActive": True}).json()["data"]["isActive"] is True


@pytest.mark.parametrize("body", [{}, {"isActive": "yes"}, {"isActive": None}, {"isActive": True, "type": "s3"}])
def test_only_a_boolean_pauses(api: Any, alice: User, body: Any) -> None:
    save(api(alice), "slack", SLACK)
    assert api(alice).patch("/integrations/slack", body).status_code == 400


def test_saving_as_paused(api: Any, alice: User) -> None:
    assert save(api(alice), "slack", SLACK, isActive=False).json()["data"]["isActive"] is False


def test_deleting_erases_everything(api: Any, alice: User) -> None:
    save(api(alice), "slack", SLACK)
    response = api(alice).delete("/integrations/slack")
    assert response.status_code == 200
    assert response.json() == {"success": True, "message": "Slack integration deleted successfully"}
    tombstone = Integration.objects.get()
    assert (tombstone.config, tombstone.secrets, tombstone.secret_names) == ({}, {}, [])
    assert api(alice).get("/integrations/slack").status_code == 404
    assert save(api(alice), "slack", SLACK).status_code == 200


def test_charlie_sees_and_touches_nothing_of_alices(api: Any, alice: User, charlie: User) -> None:
    save(api(alice), "webhook", WEBHOOK)
    client = api(charlie)
    assert client.get("/integrations/status").json()["data"]["webhook"] is False
    assert client.get("/integrations/webhook").status_code == 404
    assert client.get("/integrations/webhook/secret").status_code == 404
    assert client.post("/integrations/webhook/secret/rotate").status_code == 404
    assert client.patch("/integrations/webhook", {"isActive": False}).status_code == 404
    assert client.delete("/integrations/webhook").status_code == 404
    save(client, "webhook", {"url": "https://charlie.example.com/"})
    assert api(alice).get("/integrations/webhook").json()["data"]["config"]["url"] == WEBHOOK["url"]


def test_a_token_without_the_scope_is_refused(api: Any, alice: User) -> None:
    reader = api(alice, "integrations:read")
    assert reader.get("/integrations/status").status_code == 200
    for response in (save(reader, "slack", SLACK), reader.get("/integrations/webhook/secret")):
        assert (response.status_code, response.json()["error"]) == (403, "PERMISSION_DENIED")


def test_the_catalog_describes_every_connector(api: Any, alice: User) -> None:
    catalog = api(alice).get("/connectors").json()["data"]
    assert [entry["type"] for entry in catalog] == [connector.type for connector in CONNECTORS]
    slack = api(alice).get("/connectors/slack").json()["data"]
    assert slack in catalog
    assert slack["category"] == "communication"
    assert slack["configSchema"]["required"] == ["webhookUrl", "channel"]
    assert "webhookUrl" in slack["secretFields"]
    assert "accessToken" not in slack["configSchema"]["properties"]


def test_an_unknown_connector_is_not_found(api: Any, alice: User) -> None:
    assert api(alice).get("/connectors/fax").status_code == 404


def test_secrets_that_can_no_longer_be_decrypted_must_be_given_again(api: Any, alice: User) -> None:
    save(api(alice), "slack", SLACK)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_integration SET secrets = %s", [b"?"])
    blank = {**SLACK, "webhookUrl": ""}
    for path in ("/integrations", "/integrations/test"):
        response = api(alice).post(path, {"type": "slack", "config": blank})
        assert (response.status_code, set(response.json()["details"])) == (400, {"webhookUrl"})
    assert save(api(alice), "slack", SLACK).status_code == 200
    assert Integration.objects.get().secrets["webhookUrl"] == SLACK["webhookUrl"]

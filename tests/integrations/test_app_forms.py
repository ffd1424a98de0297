"""Forms of the Invenicum app: strings, filled with stored values by Dart's `toString()`."""

import json
from typing import Any

import pytest

from integrations.models import Integration
from invenicum.accounts.models import User
from tests.fakes.http_server import FakeServer
from tests.integrations.core.test_form_texts import dart

HEADERS = {"Authorization": "Bearer token-here", "X-Team": "red"}


def filled(config: dict[str, Any]) -> dict[str, str]:
    """The form as the app fills it."""
    return {name: dart(value) for name, value in config.items()}


def form(url: str, **more: str) -> dict[str, str]:
    texts = {"events": "asset.created, asset.*", "headers": json.dumps(HEADERS), "ordered": "true", "rateLimit": "5"}
    return {"url": url, "method": "PUT", **texts, **more}


def post(client: Any, path: str, integration_type: str, config: dict[str, Any]) -> Any:
    return client.post(path, {"type": integration_type, "config": config})


def test_a_form_of_strings_is_saved_as_the_values_that_it_means(api: Any, alice: User) -> None:
    client = api(alice)
    assert post(client, "/integrations", "webhook", form("https://a.example/hook")).status_code == 200
    shown = client.get("/integrations/webhook").json()["data"]["config"]
    assert shown == {
        "url": "https://a.example/hook",
        "method": "PUT",
        "headers": {"Authorization": "", "X-Team": ""},
        "events": ["asset.created", "asset.*"],
        "ordered": True,
        "rateLimit": 5.0,
    }
    assert Integration.objects.get().secrets["headers"] == HEADERS


@pytest.mark.parametrize("changed", [{}, {"headers": ""}, {"events": "asset.created,asset.*"}])
def test_what_was_shown_and_sent_back_as_strings_changes_nothing(
    api: Any, alice: User, changed: dict[str, str]
) -> None:
    client = api(alice)
    post(client, "/integrations", "webhook", form("https://a.example/hook"))
    before = Integration.objects.get()
    shown = client.get("/integrations/webhook").json()["data"]["config"]
    assert post(client, "/integrations", "webhook", {**filled(shown), **changed}).status_code == 200
    after = Integration.objects.get()
    assert (after.config, after.secrets) == (before.config, before.secrets)


def test_one_header_typed_into_the_filled_form_keeps_the_others(api: Any, alice: User) -> None:
    client = api(alice)
    post(client, "/integrations", "webhook", form("https://a.example/hook"))
    headers = "{Authorization: Bearer new, X-Team: , X-More: 1}"
    assert post(client, "/integrations", "webhook", form("https://a.example/hook", headers=headers)).status_code == 200
    assert Integration.objects.get().secrets["headers"] == {
        "Authorization": "Bearer new",
        "X-Team": "red",
        "X-More": "1",
    }


def test_headers_kept_by_a_filled_form_are_not_sent_to_another_address(api: Any, alice: User) -> None:
    client = api(alice)
    post(client, "/integrations", "webhook", form("https://a.example/hook"))
    moved = form("https://b.example/hook", headers="{Authorization: , X-Team: blue}")
    for path in ("/integrations", "/integrations/test"):
        response = post(client, path, "webhook", moved)
        assert (response.status_code, set(response.json()["details"])) == (400, {"headers"})


def test_a_form_of_strings_can_be_tested_before_and_after_it_is_saved(api: Any, alice: User) -> None:
    client = api(alice)
    with FakeServer(lambda request: (204, {}, b"")) as server:
        assert post(client, "/integrations/test", "webhook", form(server.url)).status_code == 200
        post(client, "/integrations", "webhook", form(server.url))
        blank = form(server.url, headers="{Authorization: , X-Team: }")
        assert post(client, "/integrations/test", "webhook", blank).status_code == 200
    for received in server.requests:
        assert received.method == "PUT"
        assert (received.headers["authorization"], received.headers["x-team"]) == ("Bearer token-here", "red")


def test_each_text_that_cannot_be_read_is_named_with_what_is_expected(api: Any, alice: User) -> None:
    wrong = form("https://a.example/", events="[push", headers="hunter2", ordered="maybe", rateLimit="fast")
    for path in ("/integrations", "/integrations/test"):
        response = post(api(alice), path, "webhook", wrong)
        assert response.status_code == 400
        assert response.json()["details"] == {
            "events": ["must be a list, or text with commas between the items, for example push, release"],
            "headers": ['must be an object, or its JSON text, for example {"X-Custom-Header": "value"}'],
            "ordered": ["must be a boolean"],
            "rateLimit": ["must be a number"],
        }
        assert "hunter2" not in response.content.decode()


def test_an_item_that_is_wrong_is_named_by_its_place(api: Any, alice: User) -> None:
    response = post(api(alice), "/integrations", "webhook", form("https://a.example/", events="asset.created, Push"))
    (message,) = response.json()["details"]["events"]
    assert message.startswith("1: must be the name of an event")


def test_a_text_field_takes_commas_and_brackets_as_they_are(api: Any, alice: User) -> None:
    texts = {"webhookUrl": "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXX"}
    config = {**texts, "channel": "#it", "username": "[Invenicum, true]", "events": "asset.deleted"}
    assert post(api(alice), "/integrations", "slack", config).status_code == 200
    shown = api(alice).get("/integrations/slack").json()["data"]["config"]
    assert shown == {"channel": "#it", "username": "[Invenicum, true]", "events": ["asset.deleted"]}

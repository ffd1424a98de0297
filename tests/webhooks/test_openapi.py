"""What the OpenAPI document says of webhooks is what is sent."""

from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from integrations.connectors.webhook import Webhook
from invenicum.accounts.models import User
from invenicum.events.models import Event
from tests.api_client import Api
from tests.factories import SECRET, connect_webhook
from tests.flows import CREATED, play, text_response
from tests.inbound import connect, send_github

NOW = 1_772_879_400  # 2026-03-07T10:30:00Z
BODIES = {
    "asset.created": "AssetCreatedEvent",
    "asset.updated": "AssetUpdatedEvent",
    "asset.deleted": "AssetDeletedEvent",
    "ping": "PingEvent",
    "github.push": "HookEvent",
    "report.ready": "OtherEvent",
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    described: dict[str, Any] = Client().get("/schema").json()
    return described


@pytest.mark.django_db
def test_each_published_event_has_the_form_of_its_description(alice: User, api: Api, document: dict[str, Any]) -> None:
    connect_webhook(alice)
    connect(alice, "github")
    client = api(alice)
    client.post("/assets", {"assetId": "asset-123", "name": "Product Photo.jpg", "tags": ["draft"]})
    client.patch("/assets/asset-123", {"name": "Hero Image.jpg", "tags": ["featured"]})
    client.delete("/assets/asset-123")
    client.post("/integrations/webhook/ping")
    send_github({"ref": "refs/heads/main", "commits": [], "repository": {"full_name": "my-org/asset-repo"}})
    client.post("/events", {"event": "report.ready", "data": {"pages": 3}})
    published = {event.name: event.payload for event in Event.objects.all()}
    assert published.keys() == BODIES.keys()
    for name, body in published.items():
        jsonschema_rs.validate(body_schema(document, BODIES[name]), body)


def body_schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The schema, which knows all properties that are sent: receivers alone have to expect more."""
    schema: dict[str, Any] = document["components"]["schemas"][name]
    is_complete = name not in ("PingEvent", "OtherEvent")
    data = schema["properties"]["data"] | ({"additionalProperties": False} if is_complete else {})
    return schema | {"properties": schema["properties"] | {"data": data}, "additionalProperties": False}


def test_the_examples_are_those_of_the_specification(document: dict[str, Any]) -> None:
    [example] = document["components"]["schemas"]["AssetCreatedEvent"]["examples"]
    assert example["data"] == CREATED.data
    for name in ("AssetCreatedEvent", "AssetUpdatedEvent", "AssetDeletedEvent"):
        schema = body_schema(document, name)
        jsonschema_rs.validate(schema, schema["examples"][0])


def test_every_webhook_has_a_body_and_both_signatures(document: dict[str, Any]) -> None:
    assert list(document["webhooks"]) == ["asset.created", "asset.updated", "asset.deleted", "ping", "hook", "other"]
    for webhook in document["webhooks"].values():
        operation = webhook["post"]
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        assert reference.rsplit("/", 1)[1] in BODIES.values()
        assert operation["security"] == []
        assert operation["tags"][0] in [tag["name"] for tag in document["tags"]]
        assert len(operation["parameters"]) == len(document["components"]["parameters"])


def described_headers(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {header["name"].lower(): header for header in document["components"]["parameters"].values()}


@pytest.mark.parametrize(
    "previous",
    [{}, *({"previousSecret": "an older secret", "previousSecretUntil": NOW + left} for left in (9, 80_000))],
)
def test_the_headers_are_those_that_are_sent(document: dict[str, Any], previous: dict[str, Any]) -> None:
    config = Webhook.Config.load({"url": "https://example.com/"}, {"secret": SECRET, **previous})
    delivery = replace(CREATED, delivery="dlv_" + "0" * 32)
    _, (request,) = play(Webhook().deliver(delivery, config, NOW), text_response(200))
    sent = {name.lower(): value for name, value in request.headers.items() if name != "Content-Type"}
    described = described_headers(document)
    assert {name for name, header in described.items() if header["required"]} <= sent.keys() <= described.keys()
    for name, value in sent.items():
        jsonschema_rs.validate(described[name]["schema"], value)

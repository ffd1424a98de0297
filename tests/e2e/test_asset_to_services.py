"""An asset changes through the API, and each connected service receives it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as StandardWebhook

from invenicum.accounts.models import User
from tests.factories import SECRET, connect_webhook
from tests.fakes.github import TOKEN, FakeGitHub
from tests.fakes.http_server import FakeServer
from tests.fakes.s3 import s3_server
from tests.tools import tool
from webhooks.engine.worker import drain
from webhooks.models import Delivery

ASSET = {
    "assetId": "asset-123",
    "name": "Product Photo.jpg",
    "category": "Images",
    "tags": ["draft"],
    "url": "https://cdn.invenicum.com/assets/asset-123",
}


def change_an_asset(client: Any) -> None:
    assert client.post("/api/v1/assets", ASSET).status_code == 201
    changes = {"name": "Hero Image.jpg", "tags": ["featured"]}
    assert client.patch("/api/v1/assets/asset-123", changes).status_code == 200
    assert client.delete("/api/v1/assets/asset-123").status_code == 200


def test_the_three_payloads_are_those_of_the_spec(api: Any, alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        change_an_asset(api(alice))
        drain()
    bodies = {body["event"]: body for body in (request.json() for request in server.requests)}
    user = alice.public_id
    for body in bodies.values():
        assert list(body) == ["event", "timestamp", "data"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["timestamp"])
    assert json.dumps(bodies["asset.created"]["data"]) == json.dumps(
        {
            "assetId": "asset-123",
            "name": "Product Photo.jpg",
            "category": "Images",
            "createdBy": user,
            "url": "https://cdn.invenicum.com/assets/asset-123",
        }
    )
    assert json.dumps(bodies["asset.updated"]["data"]) == json.dumps(
        {
            "assetId": "asset-123",
            "changes": {
                "name": {"old": "Product Photo.jpg", "new": "Hero Image.jpg"},
                "tags": {"added": ["featured"], "removed": ["draft"]},
            },
            "updatedBy": user,
        }
    )
    assert json.dumps(bodies["asset.deleted"]["data"]) == json.dumps(
        {"assetId": "asset-123", "name": "Hero Image.jpg", "deletedBy": user}
    )


def test_a_bucket_and_a_repository_hold_the_assets_document_while_it_exists(
    api: Any, alice: User, settings: Any
) -> None:
    client = api(alice)
    with s3_server("my-asset-bucket") as (s3_url, s3), FakeGitHub() as github:
        settings.PROVIDER_ENDPOINTS = {"github": {"apiUrl": github.url}}
        bucket = {
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
            "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "region": "us-east-1",
            "bucket": "my-asset-bucket",
            "pathPrefix": "assets/",
            "endpointUrl": s3_url,
        }
        repository = {"apiKey": TOKEN, "organization": "my-org", "repository": "asset-repo"}
        assert client.post("/integrations", {"type": "s3", "config": bucket}).status_code == 200
        assert client.post("/integrations", {"type": "github", "config": repository}).status_code == 200

        client.post("/assets", ASSET)
        drain()
        stored = json.loads(s3.get_object(Bucket="my-asset-bucket", Key="assets/asset-123.json")["Body"].read())
        assert stored == json.loads(github.files["assets/asset-123.json"])
        assert (stored["assetId"], stored["name"], stored["tags"]) == ("asset-123", "Product Photo.jpg", ["draft"])

        client.patch("/assets/asset-123", {"name": "Hero Image.jpg"})
        drain()
        assert json.loads(github.files["assets/asset-123.json"])["name"] == "Hero Image.jpg"

        client.delete("/assets/asset-123")
        drain()
        assert github.files == {}
        assert s3.list_objects_v2(Bucket="my-asset-bucket")["KeyCount"] == 0
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}


def test_the_standard_webhooks_library_verifies_and_refuses_a_changed_body(api: Any, alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        change_an_asset(api(alice))
        drain()
    library = StandardWebhook(SECRET)
    assert len(server.requests) == 3
    for request in server.requests:
        assert library.verify(request.body, dict(request.headers)) == request.json()
        with pytest.raises(Exception, match="signature"):
            library.verify(request.body.replace(b"asset-123", b"asset-124"), dict(request.headers))


@pytest.fixture
def node_receiver() -> Iterator[tuple[str, Any]]:
    script = Path(__file__).with_name("receiver.js")
    process = subprocess.Popen([tool("node"), script], env={"SECRET": SECRET}, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = process.stdout.readline().split()[1]
    yield f"http://127.0.0.1:{port}/", process.stdout
    process.kill()
    process.wait()


def test_the_verification_example_of_the_api_page_accepts_our_requests(
    api: Any, alice: User, node_receiver: tuple[str, Any]
) -> None:
    url, output = node_receiver
    connect_webhook(alice, url)
    change_an_asset(api(alice))
    drain()
    lines = [output.readline().strip() for _ in range(3)]
    assert sorted(lines) == ["verified asset.created", "verified asset.deleted", "verified asset.updated"]
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}

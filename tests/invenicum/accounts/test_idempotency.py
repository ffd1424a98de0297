import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.response import Response

from integrations.models import Integration
from invenicum.accounts.idempotency import answer_once
from invenicum.accounts.models import IdempotencyKey, User
from invenicum.assets.models import Asset
from invenicum.events.models import Event
from tests.api_client import Api, ApiClient
from tests.factories import connect_webhook
from tests.waiting import WAIT_DEADLINE_SECONDS
from webhooks.models import Delivery, Replay

RELEASE = {"event": "github.release", "data": {"tag": "v1", "by": "eve"}}
WEBHOOK = {"type": "webhook", "config": {"url": "https://example.com/hook"}}
SINCE = {"since": "2026-01-01T00:00:00Z", "status": ["pending"]}


def post(client: ApiClient, path: str, key: str, body: Any = "") -> Any:
    return client.post(path, body, headers={"Idempotency-Key": key, "X-Request-Id": "same"})


def publish(client: ApiClient, key: str, body: Any = RELEASE) -> Any:
    return post(client, "/events", key, body)


def what_there_is() -> list[object]:
    counts = [model.objects.count() for model in (Asset, Event, Integration, Delivery, Replay)]
    return [*counts, *Integration.objects.values_list("updated_at", flat=True)]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/assets", {"name": "Hero.jpg"}),
        ("/events", RELEASE),
        ("/events", {"events": [RELEASE] * 3}),
        ("/integrations", WEBHOOK),
        ("/integrations/webhook/ping", ""),
        ("/integrations/webhook/replay", SINCE),
        ("/integrations/webhook/secret/rotate", ""),
        ("/deliveries/{delivery}/retry", ""),
    ],
)
def test_the_same_request_again_gets_the_same_answer_and_does_nothing(
    api: Api, alice: User, path: str, body: Any
) -> None:
    client = api(alice)
    if path != "/integrations":
        connect_webhook(alice)
        client.post("/integrations/webhook/ping")
        path = path.format(delivery=Delivery.objects.get().public_id)
    first = post(client, path, "k1", body)
    assert first.status_code < 300
    done = what_there_is()
    again = post(client, path, "k1", body)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers == first.headers
    assert what_there_is() == done
    assert post(client, path, "k2", body).content != first.content or "retry" in path


def test_a_stored_answer_is_encrypted(api: Api, alice: User) -> None:
    client = api(alice)
    saved = post(client, "/integrations", "k1", WEBHOOK).json()["data"]["signingSecret"]
    rotated = post(client, "/integrations/webhook/secret/rotate", "k2").json()["data"]["signingSecret"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_idempotencykey")
        stored = repr([[bytes(x) if isinstance(x, memoryview) else x for x in row] for row in cursor.fetchall()])
    assert saved.startswith("whsec_")
    assert not any(secret in stored or "whsec_" in stored for secret in (saved, rotated))


def test_a_test_of_a_configuration_creates_nothing_and_ignores_the_key(api: Api, alice: User) -> None:
    post(api(alice), "/integrations/test", "k1", WEBHOOK)
    assert not IdempotencyKey.objects.exists()


def test_the_same_json_in_another_spelling_is_the_same_request(api: Api, alice: User) -> None:
    client = api(alice)
    first = publish(client, "k1", json.dumps(RELEASE))
    again = publish(client, "k1", json.dumps(RELEASE, indent=4, sort_keys=True))
    assert first.json() == again.json()


def test_the_same_route_at_either_address_is_the_same_request(api: Api, alice: User) -> None:
    client = api(alice)
    first = post(client, "/api/v1/events", "k1", RELEASE)
    assert post(client, "/events/", "k1", RELEASE).json() == first.json()


def test_another_body_under_the_same_key_is_a_conflict(api: Api, alice: User) -> None:
    client = api(alice)
    publish(client, "k1")
    response = publish(client, "k1", {**RELEASE, "data": {}})
    assert (response.status_code, response.json()["error"]) == (409, "INVALID_CONFIG")
    assert list(response.json()["details"]) == ["Idempotency-Key"]
    assert Event.objects.count() == 1


def test_another_route_under_the_same_key_is_a_conflict(api: Api, alice: User) -> None:
    client = api(alice)
    connect_webhook(alice)
    assert post(client, "/integrations/webhook/ping", "k1").status_code == 202
    assert post(client, "/integrations/webhook/secret/rotate", "k1").status_code == 409


def test_callers_do_not_share_keys(api: Api, alice: User, bob: User, charlie: User) -> None:
    ids = {publish(api(user), "k1").json()["data"]["id"] for user in (alice, bob, charlie)}
    assert len(ids) == 3


def test_a_stored_answer_needs_the_scope_too(api: Api, alice: User) -> None:
    post(api(alice), "/integrations", "k1", WEBHOOK)
    response = post(api(alice, "integrations:read"), "/integrations", "k1", WEBHOOK)
    assert (response.status_code, "data" in response.json()) == (403, False)


def test_a_refused_request_leaves_its_key_unused(api: Api, alice: User) -> None:
    client = api(alice)
    assert publish(client, "k1", {"event": "ping", "data": {}}).status_code == 400
    assert post(client, "/integrations/webhook/ping", "k1").status_code == 404
    assert not IdempotencyKey.objects.exists()
    assert publish(client, "k1").status_code == 202


def test_a_request_that_failed_leaves_its_key_and_the_database_unchanged(alice: User) -> None:
    def fail() -> Response:
        connect_webhook(alice)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        answer_once(alice, "k1", "digest", fail)
    assert not Integration.objects.exists()
    assert answer_once(alice, "k1", "digest", lambda: Response("done")).data == "done"


def test_a_key_is_forgotten_after_a_day(api: Api, alice: User) -> None:
    client = api(alice)
    publish(client, "k1")
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=23, minutes=59))
    assert publish(client, "k1", {"event": "other.event", "data": {}}).status_code == 409
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=24))
    other = publish(client, "k1", {"event": "other.event", "data": {}})
    assert other.status_code == 202
    assert publish(client, "k1", {"event": "other.event", "data": {}}).json() == other.json()
    assert Event.objects.count() == 2


@pytest.mark.parametrize("path", ["/events", "/assets", "/integrations"])
@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
def test_an_invalid_key_is_refused(api: Api, alice: User, path: str, key: str) -> None:
    response = post(api(alice), path, key, RELEASE)
    assert (response.status_code, list(response.json()["details"])) == (400, ["Idempotency-Key"])
    assert not Event.objects.exists()


def test_the_document_shows_the_header_at_each_of_these_routes(client: ApiClient) -> None:
    paths = client.get("/schema", headers={"Accept": "application/json"}).json()["paths"]
    taking = {
        path.removeprefix("/api/v1")
        for path, item in paths.items()
        if any(parameter["name"] == "Idempotency-Key" for parameter in item.get("post", {}).get("parameters", []))
        and "409" in item["post"]["responses"]
    }
    assert taking >= {
        "/assets",
        "/deliveries/{delivery_id}/retry",
        "/events",
        "/integrations",
        "/integrations/{integration_type}/ping",
        "/integrations/{integration_type}/replay",
        "/integrations/{integration_type}/secret/rotate",
    }
    assert "/integrations/test" not in taking


@pytest.mark.parametrize(("path", "body"), [("/events", RELEASE), ("/integrations", WEBHOOK)])
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="threads share no SQLite database in memory")
def test_of_simultaneous_requests_one_is_carried_out_and_all_get_its_answer(
    api: Api, alice: User, path: str, body: Any
) -> None:
    client, start = api(alice), Barrier(6)

    def request(_: int) -> tuple[int, bytes]:
        try:
            start.wait(WAIT_DEADLINE_SECONDS)
            response = post(client, path, "k1", body)
            return response.status_code, response.content
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        answers = set(threads.map(request, range(6)))
    assert len(answers) == 1
    assert next(iter(answers))[0] < 300
    assert Event.objects.count() + Integration.objects.count() == 1

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.events.idempotency import answer_once
from invenicum.events.models import Event, IdempotencyKey
from tests.api_client import Api, ApiClient
from tests.waiting import WAIT_DEADLINE_SECONDS

RELEASE = {"event": "github.release", "data": {"tag": "v1", "by": "eve"}}


def publish(client: ApiClient, key: str, body: Any = RELEASE) -> Any:
    return client.post("/events", body, headers={"Idempotency-Key": key})


def test_the_same_request_again_gets_the_same_answer_and_publishes_nothing(api: Api, alice: User) -> None:
    client = api(alice)
    first, again = publish(client, "k1"), publish(client, "k1")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert Event.objects.count() == 1


def test_a_batch_is_remembered_too(api: Api, alice: User) -> None:
    client = api(alice)
    batch = {"events": [RELEASE] * 3}
    assert publish(client, "k1", batch).json() == publish(client, "k1", batch).json()
    assert Event.objects.count() == 3


def test_spelling_the_same_body_otherwise_is_the_same_request(api: Api, alice: User) -> None:
    client = api(alice)
    first = publish(client, "k1", json.dumps(RELEASE))
    again = publish(client, "k1", json.dumps(RELEASE, indent=4, sort_keys=True))
    assert first.json() == again.json()


def test_another_body_under_the_same_key_is_a_conflict(api: Api, alice: User) -> None:
    client = api(alice)
    publish(client, "k1")
    response = publish(client, "k1", {**RELEASE, "data": {}})
    assert (response.status_code, response.json()["error"]) == (409, "INVALID_CONFIG")
    assert Event.objects.count() == 1


def test_keys_are_each_callers_own(api: Api, alice: User, bob: User, charlie: User) -> None:
    ids = {publish(api(user), "k1").json()["data"]["id"] for user in (alice, bob, charlie)}
    assert len(ids) == 3


def test_another_key_is_another_request(api: Api, alice: User) -> None:
    client = api(alice)
    assert publish(client, "k1").json() != publish(client, "k2").json()


def test_a_refused_request_leaves_its_key_unused(api: Api, alice: User) -> None:
    client = api(alice)
    assert publish(client, "k1", {"event": "ping", "data": {}}).status_code == 400
    assert publish(client, "k1").status_code == 202


def test_a_request_that_failed_leaves_its_key_unused(alice: User) -> None:
    with pytest.raises(ZeroDivisionError):
        answer_once(alice, "k1", {}, lambda: 1 / 0)
    assert answer_once(alice, "k1", {}, lambda: "done") == "done"


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


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
def test_a_key_that_is_none_is_refused(api: Api, alice: User, key: str) -> None:
    response = publish(api(alice), key)
    assert (response.status_code, list(response.json()["details"])) == (400, ["Idempotency-Key"])
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="threads share no SQLite database in memory")
def test_of_requests_that_race_one_publishes_and_all_get_its_answer(api: Api, alice: User) -> None:
    client, start = api(alice), Barrier(6)

    def request(_: int) -> tuple[int, str]:
        try:
            start.wait(WAIT_DEADLINE_SECONDS)
            response = publish(client, "k1")
            return response.status_code, response.json()["data"]["id"]
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        answers = set(threads.map(request, range(6)))
    assert answers == {(202, Event.objects.get().public_id)}

"""Sending a time range again, as an API consumer does it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations import services
from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.api_client import Api
from tests.factories import OPEN_CIRCUIT, connect_webhook
from tests.fakes.http_server import FakeServer
from webhooks import replays
from webhooks.engine.worker import drain
from webhooks.models import Delivery, Lane

Status = Delivery.Status
REPLAY = "/integrations/webhook/replay"


@pytest.fixture
def since() -> str:
    return (timezone.now() - timedelta(hours=1)).isoformat()


@pytest.fixture
def seven_failed(alice: User) -> None:
    connect_webhook(alice)
    publish_many([Draft(alice, "asset.created", {"assetId": f"asset-{n}"}) for n in range(7)])
    Delivery.objects.update(status=Status.FAILED, due_at=None, attempt_count=10, finished_at=timezone.now())


def test_a_dry_run_counts_and_changes_nothing(api: Api, alice: User, seven_failed: None, since: str) -> None:
    response = api(alice).post(REPLAY, {"since": since, "dryRun": True})
    assert (response.status_code, response.json()) == (202, {"data": {"id": None, "count": 7}})
    assert set(Delivery.objects.values_list("status", flat=True)) == {Status.FAILED}


def test_a_replay_sends_again_what_failed(api: Api, alice: User, seven_failed: None, since: str) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        response = api(alice).post(REPLAY, {"since": since})
        assert (response.status_code, response.json()["data"]["count"]) == (202, 7)
        drain()
    assert len(server.requests) == 7
    shown = api(alice).get(f"/replays/{response.json()['data']['id']}").json()["data"]
    assert (shown["state"], shown["count"], shown["queued"], shown["delivered"]) == ("queued", 7, 7, 7)


def test_only_the_statuses_and_the_range_that_were_asked_for(
    api: Api, alice: User, seven_failed: None, since: str
) -> None:
    client = api(alice)
    assert client.post(REPLAY, {"since": since, "status": ["delivered"]}).json()["data"]["count"] == 0
    assert client.post(REPLAY, {"since": "2020-01-01T00:00:00Z", "until": since}).json()["data"]["count"] == 0
    assert client.post(REPLAY, {"since": since, "status": ["failed", "delivered"]}).json()["data"]["count"] == 7


def test_a_large_replay_is_queued_in_batches_by_the_workers(
    api: Api, alice: User, seven_failed: None, since: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "REPLAY_BATCH_DELIVERIES", 3)
    client = api(alice)
    address = f"/replays/{client.post(REPLAY, {'since': since}).json()['data']['id']}"
    shown = client.get(address).json()["data"]
    assert (shown["state"], shown["queued"], shown["pending"]) == ("queueing", 3, 3)
    replays.run_due()
    replays.run_due()
    shown = client.get(address).json()["data"]
    assert (shown["state"], shown["queued"], shown["pending"]) == ("queued", 7, 7)


def test_a_replay_can_be_cancelled(
    api: Api, alice: User, seven_failed: None, since: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "REPLAY_BATCH_DELIVERIES", 3)
    client = api(alice)
    address = f"/replays/{client.post(REPLAY, {'since': since}).json()['data']['id']}"
    stopped = client.delete(address).json()["data"]
    assert (stopped["state"], stopped["pending"], stopped["cancelled"]) == ("cancelled", 0, 3)
    replays.run_due()
    assert Delivery.objects.filter(status=Status.FAILED).count() == 4
    assert Delivery.objects.filter(status=Status.CANCELLED).count() == 3


def test_cancelling_a_finished_replay_changes_nothing(api: Api, alice: User, seven_failed: None, since: str) -> None:
    client = api(alice)
    address = f"/replays/{client.post(REPLAY, {'since': since}).json()['data']['id']}"
    Delivery.objects.update(status=Status.DELIVERED, due_at=None)
    stopped = client.delete(address).json()["data"]
    assert (stopped["state"], stopped["delivered"]) == ("queued", 7)


@pytest.mark.parametrize("beginning", ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_replay_may_begin_before_everything(api: Api, alice: User, seven_failed: None, beginning: str) -> None:
    assert api(alice).post(REPLAY, {"since": beginning}).json()["data"]["count"] == 7


def test_a_replay_to_a_paused_integration_waits(api: Api, alice: User, seven_failed: None, since: str) -> None:
    services.set_active(alice, "webhook", False)
    assert api(alice).post(REPLAY, {"since": since}).status_code == 202
    assert set(Delivery.objects.values_list("status", "due_at")) == {(Status.PENDING, None)}


def test_a_replay_closes_the_circuit_for_the_time_being(api: Api, alice: User, seven_failed: None, since: str) -> None:
    Lane.objects.update(**OPEN_CIRCUIT, held_until=timezone.now() + timedelta(minutes=5))
    api(alice).post(REPLAY, {"since": since})
    assert Lane.objects.get().held_until is None


@pytest.mark.parametrize(
    "body",
    [{}, {"since": "yesterday"}, {"since": "2026-01-01T00:00:00Z", "status": ["lost"]}, {"since": 5}, {"until": "x"}],
)
def test_a_replay_needs_a_time_range(api: Api, alice: User, body: Any) -> None:
    connect_webhook(alice)
    assert api(alice).post(REPLAY, body).status_code == 400


@pytest.mark.parametrize("value", ["true", "TRUE", "on", "yes", "1", 1, 1.0])
def test_a_dry_run_can_be_asked_for_as_forms_send_it(
    api: Api, alice: User, seven_failed: None, since: str, value: str | float
) -> None:
    assert api(alice).post(REPLAY, {"since": since, "dryRun": value}).json()["data"] == {"id": None, "count": 7}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("maybe", "must be a boolean, unable to interpret input"),
        (2, "must be a boolean, unable to interpret input"),
        (None, "must be a boolean"),
        (0.5, "must be a boolean"),
        ([], "must be a boolean"),
    ],
)
def test_what_is_no_boolean_is_refused_for_a_dry_run(
    api: Api, alice: User, seven_failed: None, since: str, value: object, says: str
) -> None:
    response = api(alice).post(REPLAY, {"since": since, "dryRun": value})
    assert (response.status_code, response.json()["details"]) == (400, {"dryRun": [says]})


def test_charlie_neither_sees_nor_cancels_alices_replay(
    api: Api, alice: User, charlie: User, seven_failed: None, since: str
) -> None:
    address = f"/replays/{api(alice).post(REPLAY, {'since': since}).json()['data']['id']}"
    assert api(charlie).get(address).status_code == 404
    assert api(charlie).delete(address).status_code == 404
    assert api(charlie).post(REPLAY, {"since": since}).status_code == 404
    assert Delivery.objects.filter(status=Status.PENDING).count() == 7
    assert api(alice).get("/replays/rpl_nothing").status_code == 404

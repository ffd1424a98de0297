import json
import os
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.events.publish import publish
from tests.factories import connect_webhook
from tests.services import free_port
from webhooks.models import Delivery, EngineHeartbeat

pytestmark = pytest.mark.django_db


def seen(seconds_ago: float) -> None:
    EngineHeartbeat.objects.create(worker="w", last_drain_at=timezone.now() - timedelta(seconds=seconds_ago))


def readiness(client: Client) -> tuple[int, dict[str, Any]]:
    response = client.get("/readyz")
    return response.status_code, response.json()


def test_liveness_does_not_use_the_database(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_a_probe_may_use_any_host_name(client: Client, path: str) -> None:
    seen(1)
    assert client.get(path, headers={"Host": "10.0.0.7:8000"}).status_code == 200
    assert client.get("/integrations/status", headers={"Host": "10.0.0.7:8000"}).status_code == 400


def test_it_is_ready_when_the_engine_was_seen_lately(client: Client) -> None:
    seen(5)
    status, body = readiness(client)
    assert (status, body["status"], body["engine"], body["broker"]) == (200, "ok", "ok", "not used")
    assert body["lastDrain"].endswith("Z")


def test_it_is_not_ready_when_the_engine_never_ran_or_stopped(client: Client) -> None:
    assert readiness(client)[1]["engine"] == "never seen"
    seen(120)
    status, body = readiness(client)
    assert (status, body["status"], body["engine"]) == (503, "not ready", "not seen lately")


def test_it_is_not_ready_when_something_is_due_and_nothing_moves(client: Client, alice: User) -> None:
    seen(1)
    connect_webhook(alice)
    publish(alice, "asset.created", {})
    assert readiness(client)[1]["engine"] == "ok"
    Delivery.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    status, body = readiness(client)
    assert (status, body["engine"]) == (503, "stands still")
    EngineHeartbeat.objects.update(last_outcome_at=timezone.now() - timedelta(seconds=5))
    assert readiness(client)[1]["engine"] == "ok"


def test_it_is_not_ready_without_its_broker(client: Client, settings: LazySettings) -> None:
    seen(1)
    settings.CELERY_BROKER_URL = f"redis://:a-password@127.0.0.1:{free_port()}/0"
    response = client.get("/readyz")
    assert (response.status_code, response.json()["broker"]) == (503, "not reachable")
    assert "a-password" not in response.content.decode()


def test_it_is_ready_with_a_broker_that_answers(client: Client, settings: LazySettings) -> None:
    seen(1)
    settings.CELERY_BROKER_URL = os.environ["TEST_REDIS_URL"]
    assert readiness(client)[1]["broker"] == "ok"


def test_it_is_not_ready_without_its_database(client: Client) -> None:
    with connection.execute_wrapper(_refuse):
        status, body = readiness(client)
    assert (status, body["database"]) == (503, "not reachable")


def _refuse(execute: Any, *args: Any) -> Any:
    from django.db import OperationalError

    raise OperationalError("the server closed the connection")


def test_the_queue_is_measured(client: Client, alice: User) -> None:
    connect_webhook(alice)
    publish(alice, "asset.created", {})
    publish(alice, "asset.created", {})
    Delivery.objects.filter(pk=Delivery.objects.latest("id").pk).update(due_at=timezone.now() - timedelta(minutes=1))
    Delivery.objects.filter(pk=Delivery.objects.earliest("id").pk).update(due_at=timezone.now() + timedelta(hours=1))
    values = scrape(client.get("/metrics").content.decode())
    assert values['invenicum_deliveries_pending{state="due"}'] == 1
    assert values['invenicum_deliveries_pending{state="later"}'] == 1
    assert values['invenicum_deliveries_pending{state="waiting"}'] == 0
    assert 0 <= values["invenicum_oldest_undelivered_seconds"] < 60


def scrape(text: str) -> dict[str, float]:
    lines = [line.rsplit(" ", 1) for line in text.split("\n") if line and line[0] != "#"]
    return {name: float(value) for name, value in lines}


def test_probes_are_read_only(client: Client) -> None:
    response = client.post("/healthz")
    assert response.status_code == 404
    assert json.loads(response.content)["error"] == "NOT_FOUND"

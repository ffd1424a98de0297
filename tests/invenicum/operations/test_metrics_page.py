"""`/metrics`, with a database that answers and one that does not."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.operations import request_counters
from invenicum.operations.models import WebCounter
from invenicum.operations.request_counters import RequestCounters, add
from invenicum.version import VERSION
from invenicum.web.request_counts import RequestCounts
from oauth_flows.models import Grant
from tests.factories import connect_drive, connect_webhook
from tests.invenicum.operations.test_health import scrape
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until
from webhooks.models import EngineHeartbeat

pytestmark = pytest.mark.django_db


def page(client: Client) -> dict[str, float]:
    return scrape(client.get("/metrics").content.decode())


def test_requests_and_hooks_of_all_processes_are_added_up(client: Client) -> None:
    for _ in range(2):
        add({"requests|POST|/webhooks/github|202": 2, "requests|GET|/webhooks/dropbox|200": 1})
        add({"duration|/events|0.005": 3, "duration|/events|inf": 1, "seconds|/events": 20.5})
    values = page(client)
    assert values['invenicum_http_requests_total{method="POST",route="/webhooks/github",status="202"}'] == 4
    assert values['invenicum_inbound_hooks_total{status="202",type="github"}'] == 4
    assert 'invenicum_inbound_hooks_total{status="200",type="dropbox"}' not in values  # only checks the address
    buckets = "invenicum_http_request_duration_seconds_bucket"
    assert values[f'{buckets}{{le="0.005",route="/events"}}'] == values[f'{buckets}{{le="10",route="/events"}}'] == 6
    assert values[f'{buckets}{{le="+Inf",route="/events"}}'] == 8
    assert values['invenicum_http_request_duration_seconds_sum{route="/events"}'] == 41


def test_it_says_which_version_runs_and_how_things_are(client: Client, alice: User, settings: Any) -> None:
    settings.OAUTH_CLIENTS = {"google_drive": ("client", "secret")}
    connect_webhook(alice)
    connect_drive(alice)
    Grant.objects.update(refused_at=timezone.now() - timedelta(minutes=59))
    seen = timezone.now()
    EngineHeartbeat.objects.create(worker="w", last_drain_at=seen)
    text = client.get("/metrics").content.decode()
    assert f'version="{VERSION}"' in text
    values = scrape(text)
    assert values["invenicum_database_up"] == 1
    assert values["invenicum_engine_last_drain_timestamp_seconds"] == pytest.approx(seen.timestamp())
    assert values['invenicum_integrations{status="active",type="webhook"}'] == 1
    assert values['invenicum_oauth_grants{type="google_drive"}'] == 1
    assert values['invenicum_oauth_grants_refused_last_hour{type="google_drive"}'] == 1
    Grant.objects.update(refused_at=timezone.now() - timedelta(minutes=61))
    assert page(client)['invenicum_oauth_grants_refused_last_hour{type="google_drive"}'] == 0


def _refuse(execute: Any, *args: Any) -> Any:
    raise OperationalError("the server closed the connection")


def test_without_the_database_it_says_so_and_nothing_that_it_does_not_know(client: Client) -> None:
    with connection.execute_wrapper(_refuse):
        response = client.get("/metrics")
    values = scrape(response.content.decode())
    assert (response.status_code, values["invenicum_database_up"], len(values)) == (200, 0, 2)
    assert any(name.startswith("invenicum_build_info{") for name in values)


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_written_is_written_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_counters, "WRITE_INTERVAL_SECONDS", 0.01)
    counts = RequestCounts()
    failures: list[Any] = []
    real = request_counters.add

    def fail_at_first(values: Any) -> None:
        if len(failures) < 2:
            failures.append(values)
            raise OperationalError("the connection is lost")
        real(values)

    monkeypatch.setattr(request_counters, "add", fail_at_first)

    async def run() -> None:
        running = asyncio.ensure_future(RequestCounters(counts).keep_written())
        counts.count("GET", "/a", 200, 0.1)
        await asyncio.to_thread(wait_until, lambda: len(failures) == 2, "it has failed twice")
        counts.count("GET", "/a", 200, 0.1)  # written as the process stops, if not before
        running.cancel()
        await asyncio.wait([running], timeout=WAIT_DEADLINE_SECONDS)

    asyncio.run(run())
    assert WebCounter.objects.get(name="requests|GET|/a|200").value == 2

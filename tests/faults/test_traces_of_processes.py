"""Traces of processes that end: what they have traced is sent before."""

from __future__ import annotations

from pathlib import Path

import pytest

from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from tests.factories import connect_webhook
from tests.fakes import collector
from tests.fakes.http_server import FakeServer
from tests.faults.conftest import Receiver, on_postgresql
from tests.faults.web import Web
from tests.processes import Process, environment, web
from tests.services import free_port, wait_for_port

pytestmark = [pytest.mark.django_db(transaction=True), on_postgresql]


def test_what_a_process_has_traced_arrives_before_it_ends(alice: User, receiver: Receiver, tmp_path: Path) -> None:
    connect_webhook(alice, receiver.url)
    token, port = issue_token(alice, ["events:write"]), free_port()
    with FakeServer(collector.answer) as collecting:
        env = environment(PORT=str(port), WEB_WORKERS="1", OTEL_EXPORTER_OTLP_ENDPOINT=collecting.url)
        with web(env, tmp_path / "web.log") as serving:
            wait_for_port(port)
            client = Web(serving, port, token)
            event = {"event": "asset.created", "data": {"assetId": "a"}}
            assert client.ask("POST", "/events", event)[0] == 202
            serving.terminate()
        (request,) = collector.spans_of(collecting)
        with Process(["manage.py", "deliver", "--once"], env, tmp_path / "deliver.log") as delivering:
            assert delivering.wait() == 0, delivering.output()
        _, delivery = collector.spans_of(collecting)
    assert (request.name, delivery.name) == ("POST /events", "deliver asset.created")
    assert (delivery.trace, delivery.parent) == (request.trace, request.id)
    assert receiver.seen.total() == 1

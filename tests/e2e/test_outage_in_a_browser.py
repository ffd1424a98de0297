"""An outage as an operator lives it: a provider is down, an endpoint hangs, the engine stops."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from integrations.services import save_integration
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from invenicum.operations.models import Alert, Sample
from invenicum.operations.watching import watch
from tests.browser import needs_browser
from tests.factories import connect_webhook
from tests.fakes.http_server import Answer, Connection, FakeServer, Received, json_answer
from tests.fakes.mixpanel import PROJECT_TOKEN
from webhooks.engine.worker import Worker
from webhooks.models import Delivery, EngineHeartbeat, Lane

pytestmark = [pytest.mark.django_db(transaction=True), needs_browser]


class Provider(FakeServer):
    """A provider that is down until `is_up` is set."""

    def __init__(self) -> None:
        self.is_up = threading.Event()
        super().__init__(self._handle)

    def _handle(self, request: Received) -> Answer:
        return json_answer(200, {"status": "OK", "num_records_imported": 1}) if self.is_up.is_set() else (503, {}, b"")


class Endpoint(FakeServer):
    """An endpoint that does not answer until `is_up` is set."""

    def __init__(self) -> None:
        self.is_up = threading.Event()
        super().__init__(self._handle)

    def _handle(self, request: Received) -> Answer:
        return (200, {}, b"") if self.is_up.is_set() else self._hang

    def _hang(self, connection: Connection) -> None:
        connection.closing.wait(10)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        yield server


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        yield server


@pytest.fixture
def operator(context: BrowserContext, live_server: Any) -> Page:
    User.objects.create_superuser("dana", "dana@example.com", "secret-of-dana")
    page = context.new_page()
    page.goto(f"{live_server.url}/admin/")
    page.fill("#id_username", "dana")
    page.fill("#id_password", "secret-of-dana")
    page.click("[type=submit]")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    return page


def run_engine() -> None:
    worker = Worker()
    worker.drain(None, lambda: False, lambda: None)
    worker.close()
    worker._heartbeat.write()


def pass_minutes(minutes: int) -> None:
    """What has been noted so far becomes so much older, and a web process watches, as it does if no engine runs."""
    age = timedelta(minutes=minutes)
    Sample.objects.update(at=F("at") - age)
    Alert.objects.update(found_at=F("found_at") - age)
    watch()


def test_an_operator_sees_an_outage_holds_the_provider_and_everything_is_delivered(
    operator: Page, live_server: Any, alice: User, bob: User, provider: Provider, endpoint: Endpoint, settings: Any
) -> None:
    settings.DELIVERY_TIMEOUT = 1.0
    settings.PROVIDER_ENDPOINTS = {"mixpanel": {"apiUrl": provider.url}}
    for owner in (alice, bob):
        save_integration(owner, "mixpanel", {"projectToken": PROJECT_TOKEN})
    connect_webhook(alice, endpoint.url)
    for owner in (alice, bob):
        publish(owner, "asset.created", {"assetId": "asset-1", "name": "Camera"})
    run_engine()
    # The engine stops; what is published meanwhile stays.
    EngineHeartbeat.objects.update(last_drain_at=timezone.now() - timedelta(minutes=10))
    Delivery.objects.update(created_at=timezone.now() - timedelta(minutes=10))
    pass_minutes(0)
    assert [message.to for message in mail.outbox] == [["dana@example.com"]]
    assert "/admin/" in mail.outbox[0].body

    operator.goto(f"{live_server.url}/admin/?span=1h")
    causes = operator.locator("#failures tbody tr")
    expect(causes).to_have_count(2)
    expect(causes.filter(has_text="Mixpanel")).to_contain_text("503")
    expect(causes.filter(has_text="Custom Webhook")).to_contain_text("timeout")
    expect(operator.locator("table").get_by_text("silent")).to_be_visible()
    expect(operator.get_by_role("alert").first).to_be_visible()
    expect(operator.locator(".figures")).to_contain_text("10 min")

    causes.filter(has_text="Mixpanel").get_by_role("link", name="Hold…").click()
    expect(operator.get_by_text("2 integrations with Mixpanel")).to_be_visible()
    operator.get_by_role("button", name="Hold").click()
    expect(operator.get_by_text("Mixpanel is held.")).to_be_visible()
    publish(alice, "asset.updated", {"assetId": "asset-1", "name": "Camera"})
    asked = len(provider.requests)
    endpoint.is_up.set()
    Delivery.objects.filter(status="pending").update(due_at=timezone.now())
    Lane.objects.update(held_until=None)
    run_engine()
    assert len(provider.requests) == asked
    assert set(Delivery.objects.exclude(status="delivered").values_list("integration__type", flat=True)) == {"mixpanel"}

    provider.is_up.set()
    operator.get_by_role("link", name="Release Mixpanel…").click()
    expect(operator.get_by_text("3 deliveries to Mixpanel")).to_be_visible()
    operator.get_by_role("button", name="Release").click()
    expect(operator.get_by_text("Mixpanel is released.")).to_be_visible()
    run_engine()
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}
    pass_minutes(1)
    pass_minutes(5)
    assert len(mail.outbox) == 2  # that it is over
    operator.reload()
    expect(operator.get_by_role("alert")).to_have_count(0)
    expect(operator.get_by_text("Nothing fails.")).to_be_visible()

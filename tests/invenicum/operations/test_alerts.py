"""Alerts: measured, kept as rows, told once at the beginning and once at the end."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone
from standardwebhooks import Webhook

from invenicum.accounts.models import User
from invenicum.events.models import Event
from invenicum.events.publish import publish
from invenicum.operations import alert_snapshot, alerts, samples, watching
from invenicum.operations.alert_rules import Finding
from invenicum.operations.models import Alert, Sample
from oauth_flows.models import Grant, ProviderApp
from tests.factories import SECRET, connect_drive, connect_webhook
from tests.fakes.http_server import FakeServer
from tests.invenicum.operations.test_health import scrape, seen
from webhooks.models import Delivery, EngineHeartbeat

pytestmark = pytest.mark.django_db

NOW = timezone.now()
SILENT = Finding("engine_silent", "", {"minutes": 2})
REFUSED = Finding("grants_refused", "github", {"refused": 3, "grants": 9})


def after(minutes: float) -> Any:
    return NOW + timedelta(minutes=minutes)


@pytest.fixture
def operator(settings: Any) -> User:
    return User.objects.create_superuser("olivia", "olivia@example.com", "a-password-that-is-long")


def test_one_mail_at_the_beginning_and_one_at_the_end_whatever_happens_between(operator: User) -> None:
    for minute in range(4):
        alerts.note(after(minute), [SILENT])
        alerts.tell()
    alerts.note(after(4), [])  # it may come and go
    alerts.note(after(5), [SILENT])
    alerts.tell()
    (begun,) = mail.outbox
    assert (begun.to, begun.subject) == (
        ["olivia@example.com"],
        "Invenicum: alert: No worker has looked for work for 2 minutes: nothing is delivered.",
    )
    assert "Start the workers" in begun.body
    assert "/admin/" in begun.body
    for minute in (6, 7, 8):
        alerts.note(after(minute), [])
        alerts.tell()
    assert len(mail.outbox) == 2
    assert mail.outbox[1].subject.startswith("Invenicum: over: No worker")
    assert Alert.objects.get().ended_at == after(8)
    alerts.note(after(20), [SILENT])
    alerts.tell()
    assert len(mail.outbox) == 3  # another one
    assert Alert.objects.count() == 2


def test_what_begins_together_is_one_mail(operator: User) -> None:
    alerts.note(NOW, [SILENT, REFUSED])
    alerts.tell()
    (begun,) = mail.outbox
    assert "No worker" in begun.body
    assert "3 of 9 GitHub connections" in begun.body
    assert "Was your client revoked" in begun.body


def test_several_processes_tell_once(operator: User) -> None:
    alerts.note(NOW, [SILENT])
    alerts.note(NOW, [SILENT])
    stale = Alert.objects.get()
    alerts.tell()
    assert not alerts._marks(stale, begin_told=True)
    assert len(mail.outbox) == 1


def test_mail_goes_to_the_addresses_of_the_setting(operator: User, settings: Any) -> None:
    settings.ALERT_EMAILS = ["ops@example.com", "night@example.com"]
    alerts.note(NOW, [SILENT])
    alerts.tell()
    assert mail.outbox[0].to == ["ops@example.com", "night@example.com"]


def test_the_webhook_is_signed_as_those_of_users_are(settings: Any) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET = f"{server.url}/alerts", SECRET
        alerts.note(NOW, [REFUSED])
        alerts.tell()
        alerts.note(after(9), [])
        alerts.tell()
        started, ended = server.requests
    for request in (started, ended):
        Webhook(SECRET).verify(request.body, dict(request.headers))
    body = json.loads(started.body)
    assert (body["event"], body["data"]["rule"], body["data"]["subject"]) == (
        "alert.started",
        "grants_refused",
        "github",
    )
    assert body["data"]["message"] == "3 of 9 GitHub connections were refused within an hour."
    assert body["data"]["endedAt"] is None
    assert json.loads(ended.body)["data"]["endedAt"] is not None


def test_a_webhook_that_fails_stops_nothing(settings: Any, operator: User) -> None:
    with FakeServer(lambda request: (500, {}, b"")) as server:
        settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET = server.url, SECRET
        alerts.note(NOW, [SILENT, REFUSED])
        alerts.tell()
        assert len(server.requests) == 2
    assert len(mail.outbox) == 1


def test_the_gauge_and_the_banner_show_what_is_wrong(operator: User, client: Client) -> None:
    alerts.note(NOW, [REFUSED])
    values = scrape(client.get("/metrics").content.decode())
    assert values['invenicum_alert{rule="grants_refused",subject="github"}'] == 1
    assert values['invenicum_alert{rule="engine_silent",subject=""}'] == 0
    client.force_login(operator)
    shown = client.get("/admin/records/").content.decode()
    assert 'role="alert"' in shown
    assert "3 of 9 GitHub connections" in shown
    assert "3 of 9 GitHub" in client.get("/admin/operations/alert/").content.decode()
    charlie = User.objects.create_user("charlie", is_staff=True)
    client.force_login(charlie)
    assert "GitHub" not in client.get("/admin/records/").content.decode()


def test_a_silent_engine_is_noticed_by_whoever_watches(operator: User) -> None:
    seen(120)
    watching.watch()
    assert [alert.rule for alert in Alert.objects.open()] == ["engine_silent"]
    assert len(mail.outbox) == 1
    watching.watch()  # the same minute: another process has watched
    assert len(mail.outbox) == 1


def test_an_engine_that_has_never_run_is_silent_since_the_service_was_watched_first() -> None:
    assert Sample.objects.count() == 0
    watching.watch()
    assert not Alert.objects.exists()
    Sample.objects.update(at=timezone.now() - timedelta(minutes=3))
    watching.watch()
    assert [alert.rule for alert in Alert.objects.open()] == ["engine_silent"]


def snapshot() -> Any:
    sample = samples.take_due()
    assert sample
    return alert_snapshot.take(timezone.now(), sample)


def test_attempts_are_those_of_a_quarter_of_an_hour_without_wrong_targets() -> None:
    Sample.objects.create(seconds=60, at=timezone.now() - timedelta(minutes=20), attempts={"delivered||": 500})
    Sample.objects.create(
        seconds=60,
        at=timezone.now() - timedelta(minutes=16),
        attempts={"delivered||": 1000, "retried|http|service": 10, "retried|auth|target": 7},
    )
    counters = {"attempts": {"delivered||": 1090, "retried|http|service": 18, "failed|http|event": 2}}
    counters["attempts"]["retried|auth|target"] = 900
    EngineHeartbeat.objects.create(worker="w", last_drain_at=timezone.now(), counters=counters)
    measured = snapshot()
    assert (measured.attempts, measured.failed) == (100, 10)


def test_the_rest_is_measured_from_the_tables(alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_snapshot, "LITTLE_ROOM_BYTES", 2**62)  # on SQLite, of the disk
    settings.OAUTH_CLIENTS = {"google_drive": ("client", "secret")}
    connect_webhook(alice)
    connect_drive(alice)
    publish(alice, "asset.created", {})
    old = timezone.now() - timedelta(days=settings.RETENTION_DAYS + 3, hours=1)
    Event.objects.update(created_at=old)
    Delivery.objects.update(created_at=timezone.now() - timedelta(minutes=10))
    Grant.objects.update(refused_at=timezone.now())
    ProviderApp.objects.create(type="teams", client_id="i", client_secret="s", secret_expires=date(2026, 6, 1))
    ProviderApp.objects.create(type="google_drive", client_id="i", client_secret="s", secret_expires=date(2026, 6, 1))
    settings.OAUTH_SECRET_EXPIRY = {"slack": date(2026, 7, 1)}
    settings.DATABASE_MAX_BYTES = 100 * 2**40
    measured = snapshot()
    assert measured.oldest_seconds >= 600
    assert measured.integrations == 2
    assert measured.connections == {"google_drive": (1, 1)}
    assert measured.expiring == {"teams": date(2026, 6, 1), "slack": date(2026, 7, 1)}  # Drive's is of the settings
    assert measured.retention_behind.days == 3
    assert 0 < measured.disk_used_share < 1
    settings.DATABASE_MAX_BYTES = 0
    Sample.objects.all().delete()
    assert (snapshot().disk_used_share is None) == (connection.vendor == "postgresql")

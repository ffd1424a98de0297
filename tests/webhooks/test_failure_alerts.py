from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone
from pytest_django import Settings

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from tests.factories import OPEN_CIRCUIT, connect_webhook
from tests.fakes.http_server import FakeServer
from webhooks.engine.worker import drain
from webhooks.failure_alerts import watch
from webhooks.models import Delivery, Lane


@pytest.fixture
def failing(alice: User) -> Integration:
    integration = connect_webhook(alice)
    Integration.objects.update(failing_since=timezone.now())
    Lane.objects.update(**OPEN_CIRCUIT)
    return integration


def subjects(mailoutbox: list[EmailMessage]) -> list[str]:
    return [str(mail.subject) for mail in mailoutbox]


def test_the_owner_gets_one_mail_when_deliveries_fail(failing: Integration, mailoutbox: list[EmailMessage]) -> None:
    watch()
    watch()
    assert subjects(mailoutbox) == ["Invenicum: Custom Webhook deliveries fail"]
    assert mailoutbox[0].to == ["alice@example.com"]
    assert "/deliveries?type=webhook" in mailoutbox[0].body


def test_a_single_failure_is_not_reported(failing: Integration, mailoutbox: list[EmailMessage]) -> None:
    Lane.objects.update(failures=1, openings=0)
    watch()
    assert mailoutbox == []


def test_the_owner_is_warned_a_day_before_and_then_the_integration_is_disabled(
    alice: User, failing: Integration, mailoutbox: list[EmailMessage]
) -> None:
    publish(alice, "asset.created", {"assetId": "a"})
    now = timezone.now()
    for days in (0, 1, 3.9, 4.1, 4.2, 5.1, 6):
        watch(now + timedelta(days=days))
    assert subjects(mailoutbox) == [
        "Invenicum: Custom Webhook deliveries fail",
        "Invenicum: Custom Webhook will be disabled tomorrow",
        "Invenicum: Custom Webhook was disabled",
    ]
    failing.refresh_from_db()
    assert failing.status == Integration.Status.DISABLED
    assert failing.status_reason == "No delivery succeeded for five days."
    assert Delivery.objects.get().due_at is None  # it waits


def test_a_success_ends_the_count(alice: User, failing: Integration, mailoutbox: list[EmailMessage]) -> None:
    watch()
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "a"})
        Lane.objects.update(held_until=None)
        drain()
    failing.refresh_from_db()
    assert failing.failing_since is None
    watch(timezone.now() + timedelta(days=6))
    assert len(mailoutbox) == 1
    assert Lane.objects.get().notices == 0


def test_an_integration_that_is_paused_is_left_alone(failing: Integration, mailoutbox: list[EmailMessage]) -> None:
    Integration.objects.update(status=Integration.Status.PAUSED)
    watch(timezone.now() + timedelta(days=6))
    assert mailoutbox == []


def test_a_mail_server_that_fails_does_not_stop_the_work(
    failing: Integration, settings: Settings, mailoutbox: list[EmailMessage]
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    watch(timezone.now() + timedelta(days=6))
    failing.refresh_from_db()
    assert failing.status == Integration.Status.DISABLED

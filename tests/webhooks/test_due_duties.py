"""What a process with nothing to do asks, every few seconds: one statement for all duties."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.models import Integration, ProviderJob
from invenicum.accounts.models import User
from invenicum.operations import samples
from invenicum.operations.models import Sample
from invenicum.portal.models import Inbox
from oauth_flows.models import Grant, Revocation, StartLink, UnconfirmedConnection
from tests.factories import OPEN_CIRCUIT, connect_webhook
from tests.processes import ROOT, environment
from tests.waiting import wait_until
from webhooks import duties
from webhooks.due_duties import DueDuties
from webhooks.failure_alerts import FAILING_DISABLED_AFTER, FAILING_WARNED_AFTER, Notice
from webhooks.models import Lane, Replay

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
CLIENT = {"client_id": "client", "servers": "https://example.com"}


def due() -> list[str]:
    return DueDuties({name: duties.DUTIES[name].due for name in duties.FREQUENT}).find()


@pytest.fixture
def webhook(alice: User) -> Integration:
    """An integration, and no other reason for a duty."""
    integration = connect_webhook(alice)
    # That of a minute to come: otherwise a test in which a minute begins would find one to take.
    samples.take_due(timezone.now() + 5 * MINUTE)
    assert due() == []
    return integration


def grant(webhook: Integration, **columns: Any) -> None:
    then = timezone.now() - HOUR
    Grant.objects.create(integration=webhook, tokens={}, connected_at=then, refreshed_at=then, **CLIENT, **columns)


def replay(webhook: Integration, **columns: Any) -> None:
    now = timezone.now()
    ended = {"since": now, "until": now, "total": 0, "last_id": UUID(int=0)}
    Replay.objects.create(owner=webhook.owner, integration=webhook, **ended, **columns)


def hook(webhook: Integration, at: datetime) -> None:
    ProviderJob.objects.create(owner_id=webhook.owner_id, due_at=at, kind="save", integration_id=webhook.pk)


def revocation(webhook: Integration, at: datetime) -> None:
    Revocation.objects.create(owner_id=webhook.owner_id, due_at=at, tokens={}, **CLIENT)


def refresh(webhook: Integration, at: datetime) -> None:
    grant(webhook, refresh_at=at)


def start_link(webhook: Integration, at: datetime) -> None:
    StartLink.objects.create(owner=webhook.owner, code_digest="a", expires_at=at)


def unconfirmed(webhook: Integration, at: datetime) -> None:
    UnconfirmedConnection.objects.create(
        owner=webhook.owner, result_digest="a", tokens={}, issued_at=at, expires_at=at, **CLIENT
    )


def warning(webhook: Integration, at: datetime) -> None:
    Integration.objects.update(failing_since=at - FAILING_WARNED_AFTER)
    Lane.objects.update(notices=Notice.FAILING)


def disabling(webhook: Integration, at: datetime) -> None:
    Integration.objects.update(failing_since=at - FAILING_DISABLED_AFTER)
    Lane.objects.update(notices=Notice.WARNED)


def second_alert(webhook: Integration, at: datetime) -> None:
    Integration.objects.update(failing_since=at)
    Lane.objects.update(**OPEN_CIRCUIT, alerted_at=at - HOUR)


def backfill(webhook: Integration, at: datetime) -> None:
    replay(webhook, what=Replay.What.MISSED, next_at=at + timedelta(seconds=2), finished_at=at)


def sample(webhook: Integration, at: datetime) -> None:
    Sample.objects.update(at=at - MINUTE)


def inbox(webhook: Integration, at: datetime) -> None:
    Inbox.objects.create(owner=webhook.owner, key="k", expires_at=at)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("jobs", hook),
        ("jobs", revocation),
        ("connections", refresh),
        ("connections", start_link),
        ("connections", unconfirmed),
        ("alerts", second_alert),
        ("alerts", warning),
        ("alerts", disabling),
        ("backfills", backfill),
        ("watching", sample),
        ("watching", inbox),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_duty_is_due_from_its_time_on(
    webhook: Integration, name: str, cause: Callable[[Integration, datetime], None]
) -> None:
    before = transaction.savepoint()
    cause(webhook, timezone.now() + HOUR / 2)
    assert due() == []
    transaction.savepoint_rollback(before)
    cause(webhook, timezone.now() - SECOND)
    assert due() == [name]


def recovered(webhook: Integration) -> None:
    Lane.objects.update(notices=Notice.FAILING)


def accepting_again(webhook: Integration) -> None:
    Lane.objects.update(rejections_notified=True)


def opened(webhook: Integration) -> None:
    Integration.objects.update(failing_since=timezone.now())
    Lane.objects.update(**OPEN_CIRCUIT)


def refusing(webhook: Integration) -> None:
    Lane.objects.update(rejections=100)


def disabled(webhook: Integration) -> None:
    Integration.objects.update(status=Integration.Status.DISABLED)


def refused(webhook: Integration) -> None:
    grant(webhook, refused_at=timezone.now())


def unfinished(webhook: Integration) -> None:
    replay(webhook)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("alerts", recovered),
        ("alerts", accepting_again),
        ("alerts", opened),
        ("alerts", refusing),
        ("alerts", disabled),
        ("alerts", refused),
        ("replays", unfinished),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_duty_is_due_as_soon_as_it_has_a_reason(
    webhook: Integration, name: str, cause: Callable[[Integration], None]
) -> None:
    cause(webhook)
    assert due() == [name]


def test_all_are_looked_at_with_one_statement(webhook: Integration) -> None:
    looks = DueDuties({name: duties.DUTIES[name].due for name in duties.FREQUENT})
    with CaptureQueriesContext(connection) as statements:
        looks.find()
    assert len(statements) == 1


def test_a_process_without_pages_watches_all_that_is_to_be_watched() -> None:
    code = (
        "import django; django.setup(); from webhooks.signals import watch_conditions, watch_due\n"
        "known = [one for signal in (watch_due, watch_conditions) for one in signal._live_receivers(None)[0]]\n"
        "print(sorted(one.__module__ for one in known))"
    )
    env = environment(DJANGO_SETTINGS_MODULE="invenicum.settings")
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    assert told.stdout.strip() == str(sorted(["invenicum.operations.watching", "invenicum.portal.inboxes"] * 2))


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The duties that a process has run in its threads."""
    names: list[str] = []
    monkeypatch.setattr(duties, "_run", lambda name, is_stopping: names.append(name))
    return names


def test_a_look_runs_what_is_due_and_nothing_else(ran: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DueDuties, "find", lambda self: ["alerts", "watching"])
    background = duties.Background()
    background.wake(duties.LOOK)
    wait_until(lambda: sorted(ran) == ["alerts", "watching"], "they run")
    background.stop()
    assert sorted(ran) == ["alerts", "watching"]


def test_all_run_if_it_cannot_be_known_which_are_due(ran: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: DueDuties) -> list[str]:
        raise OperationalError

    monkeypatch.setattr(DueDuties, "find", fail)
    background = duties.Background()
    background.wake(duties.LOOK)
    wait_until(lambda: len(ran) == len(duties.FREQUENT), "all run")
    background.stop()
    assert sorted(ran) == sorted(duties.FREQUENT)

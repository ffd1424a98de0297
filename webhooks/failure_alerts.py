"""Alerts about integrations that keep failing: mail to their owners, a warning, and disabling after five days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import IntEnum

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations import registry
from integrations.models import Integration
from integrations.services import disable
from invenicum.api.addresses import PREFIX
from invenicum.mail import send_to_owner

from .models import Lane

FAILING_DISABLED_AFTER = timedelta(days=5)
FAILING_WARNED_AFTER = FAILING_DISABLED_AFTER - timedelta(days=1)

log = structlog.get_logger(__name__)


class Notice(IntEnum):
    """The last notification that an owner was sent since the failures began."""

    NONE = 0
    FAILING = 1
    WARNED = 2


def watch(now: datetime | None = None, limit: int = 100, is_over: Callable[[], bool] = lambda: False) -> None:
    """Sends the notifications that are due and disables what has failed for too long.

    Workers call it every few seconds, possibly at the same time: each notification is sent once. `now`: the time to act
    as of, for tests. `limit`: at most so many lanes for each kind of notification. `is_over`: asked before each one
    whether the rest is left to the next call.
    """
    now = now or timezone.now()
    active = Q(integration__status=Integration.Status.ACTIVE, integration__deleted_at=None)
    failing = Lane.objects.filter(active, integration__failing_since__isnull=False)
    Lane.objects.filter(notices__gt=Notice.NONE, integration__failing_since=None).update(notices=Notice.NONE)
    for lane in _mark(failing.with_open_circuit(), Notice.FAILING, limit, is_over):
        _notify(lane, "deliveries fail", "Deliveries are retried, and none is lost.")
    last_day = failing.filter(integration__failing_since__lt=now - FAILING_WARNED_AFTER)
    for lane in _mark(last_day, Notice.WARNED, limit, is_over):
        _notify(lane, "will be disabled tomorrow", "If no delivery succeeds within a day, it will be disabled.")
    for lane in failing.filter(integration__failing_since__lt=now - FAILING_DISABLED_AFTER)[:limit]:
        if is_over():
            break
        if disable(lane.integration_id, "No delivery succeeded for five days."):
            _notify(lane, "was disabled", "Pending deliveries wait until you resume it.")


def _mark(lanes: QuerySet[Lane], notice: Notice, limit: int, is_over: Callable[[], bool]) -> Iterator[Lane]:
    """The lanes whose owners get this notification now, each marked before it is sent so that they get it once."""
    for _ in range(limit):
        if is_over():
            return
        with transaction.atomic():
            lane = lanes.filter(notices__lt=notice).select_for_update(skip_locked=True, of=("self",)).first()
            if lane is None:
                return
            Lane.objects.filter(pk=lane.pk).update(notices=notice)
        yield lane


def _notify(lane: Lane, what: str, more: str) -> None:
    try:
        _send(lane, what, more)
    except Exception:  # one that fails must not stop the others
        log.exception("alert_failed", integration=str(lane.pk))


def _send(lane: Lane, what: str, more: str) -> None:
    integration = Integration.objects.without_secrets().select_related("owner").get(pk=lane.pk)
    name = registry.get(integration.type).name
    deliveries = f"{settings.PUBLIC_URL}{PREFIX}/deliveries?type={integration.type}"
    since = f" since {integration.failing_since:%d %B, %H:%M} UTC" if integration.failing_since else ""
    send_to_owner(
        integration.owner,
        f"{name} {what}",
        f"Deliveries to your {name} integration have failed{since}.\n\n{more}\n\n"
        f"The delivery log has every attempt and its answer: {deliveries}\n",
    )

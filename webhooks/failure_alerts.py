"""Alerts about integrations that keep failing: mail to their owners, a warning, and disabling after five days.

Their owners are told as well of an integration that was disabled because its endpoint is gone, and of several events in
a row that a service refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import IntEnum
from functools import reduce
from operator import or_
from typing import Any, NamedTuple, Self

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from integrations import registry
from integrations.models import Integration
from integrations.stops import disable
from invenicum.api.addresses import PREFIX
from invenicum.mail import send_to_owner

from .models import Lane, LaneQuerySet

ALERT_INTERVAL = timedelta(hours=1)  # between two mails that an integration fails or refuses events
FAILING_DISABLED_AFTER = timedelta(days=5)
FAILING_WARNED_AFTER = FAILING_DISABLED_AFTER - timedelta(days=1)

# What is to be done, by who is at fault.
TO_DO: dict[str, str] = {
    "target": (
        "Please correct it, at {name} or in the settings of the integration. The waiting deliveries are sent as soon "
        "as you save or resume the integration, or a test of it succeeds. Otherwise one of them is tried from time to "
        "time. None is lost."
    ),
    "service": "Deliveries are retried, and none is lost.",
}
UNTIL_WHEN = "If none succeeds for five days, the integration is disabled; they then wait until you resume it."
REFUSED = (
    "These deliveries have failed and are not tried again; the integration continues with the next events. When the "
    "cause is removed, send them again with POST {replay}."
)

log = structlog.get_logger(__name__)


class Notice(IntEnum):
    """The last notification that an owner was sent since the failures began."""

    NONE = 0
    FAILING = 1
    WARNED = 2
    DISABLED = 3


class _Lanes(NamedTuple):
    """The lanes about which there is something to do."""

    recovered: LaneQuerySet
    accepting_again: LaneQuerySet
    opened: LaneQuerySet
    refusing: LaneQuerySet
    on_last_day: LaneQuerySet
    failing_too_long: LaneQuerySet
    disabled: LaneQuerySet

    @classmethod
    def at(cls, now: datetime | Now) -> Self:
        """Those at a time, or at an expression of the database."""
        lanes = Lane.objects.filter(integration__deleted_at=None)
        active = lanes.filter(integration__status=Integration.Status.ACTIVE)
        failing = active.filter(integration__failing_since__isnull=False)
        not_lately = Q(alerted_at=None) | Q(alerted_at__lt=now - ALERT_INTERVAL)
        return cls(
            active.filter(notices__gt=Notice.NONE, integration__failing_since=None),
            Lane.objects.filter(rejections=0, rejections_notified=True),
            failing.with_open_circuit().filter(not_lately, notices__lt=Notice.FAILING),
            active.with_rejections().filter(not_lately, rejections_notified=False),
            failing.filter(integration__failing_since__lt=now - FAILING_WARNED_AFTER, notices__lt=Notice.WARNED),
            failing.filter(integration__failing_since__lt=now - FAILING_DISABLED_AFTER),
            lanes.filter(integration__status=Integration.Status.DISABLED, notices__lt=Notice.DISABLED),
        )


def due(now: Now) -> LaneQuerySet:
    """The lanes about which `watch` has something to do at `now`, an expression of the database."""
    return reduce(or_, _Lanes.at(now))


def watch(now: datetime | None = None, limit: int = 100, is_over: Callable[[], bool] = lambda: False) -> None:
    """Sends the notifications that are due and disables what has failed for too long.

    Workers call it every few seconds, possibly at the same time: each notification is sent once. `now`: the time to act
    as of, for tests. `limit`: at most so many lanes for each kind of notification. `is_over`: asked before each one
    whether the rest is left to the next call.
    """
    now = now or timezone.now()
    lanes = _Lanes.at(now)
    lanes.recovered.update(notices=Notice.NONE)
    lanes.accepting_again.update(rejections_notified=False)
    for lane in _mark(lanes.opened, limit, is_over, notices=Notice.FAILING, alerted_at=now):
        _notify(lane, "deliveries fail", _failing)
    for lane in _mark(lanes.refusing, limit, is_over, rejections_notified=True, alerted_at=now):
        _notify(lane, "refuses events", _refusing)
    for lane in _mark(lanes.on_last_day, limit, is_over, notices=Notice.WARNED):
        _notify(lane, "will be disabled tomorrow", _on_last_day)
    for lane in lanes.failing_too_long[:limit]:
        if is_over():
            break
        disable(lane.integration_id, _why_disabled(Integration.objects.without_secrets().get(pk=lane.pk)))
    for lane in _mark(lanes.disabled, limit, is_over, notices=Notice.DISABLED):
        _notify(lane, "was disabled", _disabled)


def _mark(lanes: QuerySet[Lane], limit: int, is_over: Callable[[], bool], **marks: Any) -> Iterator[Lane]:
    """The lanes whose owners get a notification now, each marked before it is sent so that they get it once.

    `lanes` are those without the `marks`.
    """
    for _ in range(limit):
        if is_over():
            return
        with transaction.atomic():
            lane = lanes.select_for_update(skip_locked=True, of=("self",)).first()
            if lane is None:
                return
            Lane.objects.filter(pk=lane.pk).update(**marks)
        yield lane


def _notify(lane: Lane, what: str, text: Callable[[Integration, Lane, str], list[str]]) -> None:
    try:
        integration = Integration.objects.without_secrets().select_related("owner").get(pk=lane.pk)
        name = registry.get(integration.type).name
        addresses = f"Settings and state: {_address(integration)}\nThe delivery log, with each attempt and its answer: "
        addresses += f"{settings.PUBLIC_URL}{PREFIX}/deliveries?type={integration.type}\n"
        paragraphs = [*text(integration, lane, name), addresses]
        send_to_owner(integration.owner, f"{name} {what}", "\n\n".join(filter(None, paragraphs)))
    except Exception:  # one that fails must not stop the others
        log.exception("alert_failed", integration=str(lane.pk))


def _failing(integration: Integration, lane: Lane, name: str) -> list[str]:
    what_to_do = TO_DO.get(integration.problem_fault, TO_DO["service"]).format(name=name)
    return [_since_when(integration, name), _what_is_wrong(integration), what_to_do, UNTIL_WHEN]


def _on_last_day(integration: Integration, lane: Lane, name: str) -> list[str]:
    what_to_do = TO_DO.get(integration.problem_fault, TO_DO["service"]).format(name=name)
    more = "If no delivery succeeds within a day, the integration will be disabled; they then wait until you resume it."
    return [_since_when(integration, name), _what_is_wrong(integration), what_to_do, more]


def _disabled(integration: Integration, lane: Lane, name: str) -> list[str]:
    what = f"Your {name} integration was disabled: {integration.stop_reason}"
    return [what, "Please correct the cause and resume the integration. Its deliveries wait until then; none is lost."]


def _refusing(integration: Integration, lane: Lane, name: str) -> list[str]:
    replay = f"{_address(integration)}/replay"
    what = f"{name} refused the last {lane.rejections} events of your integration."
    return [what, _what_is_wrong(integration), REFUSED.format(replay=replay)]


def _since_when(integration: Integration, name: str) -> str:
    since = f" since {integration.failing_since:%d %B, %H:%M} UTC" if integration.failing_since else ""
    return f"Deliveries to your {name} integration have failed{since}."


def _what_is_wrong(integration: Integration) -> str:
    return f"What is wrong: {integration.problem}" if integration.problem else ""


def _why_disabled(integration: Integration) -> str:
    return f"No delivery succeeded for five days{f': {integration.problem}' if integration.problem else '.'}"


def _address(integration: Integration) -> str:
    return f"{settings.PUBLIC_URL}{PREFIX}/integrations/{integration.type}"

"""The steps of backfills: each makes a few deliveries, so that live events do not wait behind them.

A step first inserts deliveries that are not due, and makes them due in a second transaction. Between the two it looks
for later events about the same assets: one that was sent before the delivery existed must not be followed by an
earlier one; one that is published afterwards waits for the delivery, by its order key.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Exists, Max, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.accounts.services import lock_account
from invenicum.assets.exports import snapshots_of
from invenicum.events.models import Event
from invenicum.events.ranges import PLACE_TOLERANCE
from invenicum.ids import first_id_at
from invenicum.transactions import bounded, is_locked

from . import missed, wake
from .models import Delivery, Lane, Replay

STEP_SECONDS = 0.5  # between two steps of one backfill
STEP_REST_FACTOR = 4  # it rests at least so many times as long as a step took, which may have many rows to look at
REST_SECONDS = 5.0  # until the next step if its integration is not active, or its lane is held
STALLED_SECONDS = 2.0  # without a step that made something, after which a run ends
WAITED_TOO_LONG = timedelta(seconds=2)  # a delivery on the lane: then fewer are made at once
LEAST_PACE_DELIVERIES = 2
DUE_DELIVERIES_READ = 200  # of a lane, to see how full it is
STEP_MAX_BACKFILLS = 100  # of which a run makes a step before it looks which ones are due
# Of the events in the range, how many one step looks at: the first page is small, because often all of it was missed.
FIRST_PAGE_EVENTS, PAGE_EVENTS, STEP_MAX_PAGES = 200, 1000, 10
# That publications which were under way when a backfill began can take. Until then its last events are read again.
SETTLE = timedelta(seconds=5)

OVERTAKEN = "A later event about the same asset had been sent before."

log = structlog.get_logger(__name__)

_Status = Delivery.Status
_What = Replay.What


def due_soon(now: Now) -> QuerySet[Replay]:
    """The backfills for which `run_due` has a step to make, at once or after it has waited."""
    return Replay.objects.filter(next_at__lte=now + timedelta(seconds=STALLED_SECONDS))


def run_due(is_over: Callable[[], bool] = lambda: False) -> None:
    """Makes the deliveries of all backfills, step by step, as long as they are taken off their lanes.

    `is_over` is asked before each step whether the rest is left to the next call.
    """
    pause, progress_at = threading.Event(), time.monotonic()
    while not is_over():
        waiting = Replay.objects.filter(next_at__isnull=False).order_by("next_at")
        for key in list(waiting.filter(next_at__lte=timezone.now()).values_list("pk", flat=True)[:STEP_MAX_BACKFILLS]):
            if is_over():
                return
            if step(key):
                progress_at = time.monotonic()
        next_at = waiting.values_list("next_at", flat=True).first()
        if next_at is None or time.monotonic() - progress_at > STALLED_SECONDS:
            return
        seconds = (next_at - timezone.now()).total_seconds()
        if seconds > STALLED_SECONDS:
            return
        pause.wait(max(seconds, 0.0))


def step(key: UUID) -> bool:
    """Makes the next deliveries of one backfill. Returns whether there is progress: some were made, or it ended.

    One that fails is left alone for REST_SECONDS, so that it does not stop the others. Raises `django.db.Error` if the
    database is away.
    """
    began = time.monotonic()
    try:
        with bounded():
            backfill = _lock(key)
            if backfill is None:
                return False
            made, is_end = _make(backfill)
        with bounded():
            backfill = _lock(key)
            return backfill is not None and _release(backfill, made, is_end, began)
    except OperationalError as error:
        log.info("backfill_step_postponed", backfill=str(key), error=str(error).strip())
        _postpone(key, STEP_SECONDS if is_locked(error) else REST_SECONDS)
    except Exception:
        log.exception("backfill_step_failed", backfill=str(key))
        _postpone(key, REST_SECONDS)
    return False


def _postpone(key: UUID, seconds: float) -> None:
    next_at = timezone.now() + timedelta(seconds=seconds)
    Replay.objects.filter(pk=key, next_at__isnull=False).update(next_at=next_at)


def _lock(key: UUID) -> Replay | None:
    """The backfill, locked, if there is a step to make now; an account that is being removed is waited for."""
    found = Replay.objects.filter(pk=key).values_list("owner_id", "integration_id").first()
    if found is None or not lock_account(User(pk=found[0])):
        return None
    integrations = Integration.objects.select_for_update(no_key=True).without_secrets()
    integration = integrations.filter(pk=found[1]).first()
    backfill = Replay.objects.select_for_update().filter(pk=key, next_at__isnull=False).first()
    if integration is None or backfill is None:
        return None
    backfill.integration = integration
    return backfill


def _make(backfill: Replay) -> tuple[int, bool]:
    """Inserts the next deliveries, which are not due yet. Returns their number, and whether no more are left."""
    now = timezone.now()
    if backfill.next_at and backfill.next_at > now:
        return 0, False  # another process has made this step
    if backfill.finished_at is not None:
        _end_order(backfill)
        return 0, False
    room = _room(backfill, now)
    if room is None:
        backfill.next_at = now + timedelta(seconds=REST_SECONDS)
        backfill.save(update_fields=["next_at", "pace"])
        return 0, False
    is_end, events = False, list[Event]()
    if room > 0:
        events, is_end = (_existing if backfill.what == _What.EXISTING else _missed)(backfill, room, now)
    is_ordered = backfill.integration.ordered or backfill.what == _What.EXISTING
    Delivery.objects.bulk_create(
        Delivery(
            event=event,
            integration_id=backfill.integration_id,
            owner_id=backfill.owner_id,
            order_key=event.subject if is_ordered else "",
            sequence=event.sequence,
            replay=backfill,
            backfilled=True,
            created_at=now,
        )
        for event in events
    )
    backfill.queued += len(events)
    if backfill.queued > backfill.total or (is_end and not backfill.total_is_exact):
        backfill.total = backfill.queued
    backfill.total_is_exact = backfill.total_is_exact or is_end
    seconds = max(STEP_SECONDS, len(events) / settings.BACKFILL_DELIVERIES_PER_SECOND)
    backfill.next_at = now + timedelta(seconds=seconds)
    backfill.save(update_fields=["last_id", "pace", "queued", "total", "total_is_exact", "next_at"])
    return len(events), is_end


def _room(backfill: Replay, now: datetime) -> int | None:
    """How many deliveries may be made due now; None if there is nothing to do before the lane moves again.

    The pace doubles as long as all that is due gets sent between two steps, and halves if something has to wait: a
    live event never waits behind much more than the endpoint takes in WAITED_TOO_LONG.
    """
    if not backfill.integration.is_active:
        return None
    lane = Lane.objects.get(pk=backfill.integration_id)
    if lane.held_until and lane.held_until > now:
        return None
    due = _sendable_since(backfill.integration_id, now)
    most = max(int(settings.BACKFILL_DELIVERIES_PER_SECOND * STEP_SECONDS), 1)
    if lane.failures:
        backfill.pace = 1  # one that probes whether the endpoint works again
    elif not due:
        backfill.pace = min(2 * backfill.pace, most)
    elif now - due[0] > WAITED_TOO_LONG:
        backfill.pace = min(max(backfill.pace // 2, LEAST_PACE_DELIVERIES), most)
    return max(backfill.pace - len(due), 0)


def _sendable_since(integration_id: UUID, now: datetime) -> list[datetime]:
    """Since when deliveries have been due, of the first on the lane, without those that wait for one about their asset.

    Such a one can wait for hours, for the retry of another.
    """
    pending = Delivery.objects.filter(integration=integration_id, status=_Status.PENDING)
    earlier = pending.filter(order_key=OuterRef("order_key"), sequence__lt=OuterRef("sequence")).exclude(order_key="")
    due = pending.filter(due_at__lte=now).annotate(waits=Exists(earlier)).order_by("due_at")
    return [
        due_at for due_at, waits in due.values_list("due_at", "waits")[:DUE_DELIVERIES_READ] if due_at and not waits
    ]


def _missed(backfill: Replay, room: int, now: datetime) -> tuple[list[Event], bool]:
    """Up to `room` missed events, in order, and whether there are no more. Moves the backfill's place in the range."""
    found, size = list[Event](), FIRST_PAGE_EVENTS
    for _ in range(STEP_MAX_PAGES):
        page = missed.page(backfill.integration, backfill.since, backfill.until, backfill.last_id, size)
        if len(found) + len(page.events) > room:
            found += page.events[: room - len(found)]
            backfill.last_id = found[-1].pk
            return found, False
        found += page.events
        backfill.last_id, size = page.last_id, PAGE_EVENTS
        if page.is_last:
            if now >= backfill.until + SETTLE:
                return found, True
            backfill.last_id = min(backfill.last_id, first_id_at(backfill.until - SETTLE))
            return found, False
        if len(found) == room:
            break
    return found, False


def _existing(backfill: Replay, room: int, now: datetime) -> tuple[list[Event], bool]:
    """Snapshots of up to `room` assets, and whether there are no more. Moves the backfill's place among them."""
    events, last_id = snapshots_of(backfill.owner_id, backfill.since, backfill.until, backfill.last_id, room)
    is_end, backfill.last_id = last_id == backfill.last_id, last_id
    return events, is_end


def _release(backfill: Replay, made: int, is_end: bool, began: float) -> bool:
    """Makes what was made due, unless its integration was stopped meanwhile, and notes the end of the backfill."""
    now = timezone.now()
    if backfill.finished_at is not None:
        return False
    pending = Delivery.objects.filter(
        integration=backfill.integration_id, status=_Status.PENDING, due_at=None, replay=backfill
    )
    waiting = list(pending.order_by("sequence")) if backfill.integration.is_active else []
    if waiting and backfill.what == _What.MISSED and backfill.integration.ordered:
        waiting = _without_overtaken(backfill, waiting, now)
    for place, delivery in enumerate(waiting):  # microseconds, so that they are sent in order
        delivery.due_at = now + timedelta(microseconds=place)
    Delivery.objects.bulk_update(waiting, ["due_at"])
    if waiting:
        transaction.on_commit(wake.wake)
    if is_end and backfill.integration.is_active:
        backfill.finished_at = now
        backfill.next_at = now if backfill.integration.snapshots_pending else None
        backfill.save(update_fields=["finished_at", "next_at"])
    elif (rest := STEP_REST_FACTOR * (time.monotonic() - began)) > STEP_SECONDS:
        backfill.next_at = max(backfill.next_at or now, timezone.now() + timedelta(seconds=rest))
        backfill.save(update_fields=["next_at"])
    return bool(made or waiting or backfill.finished_at)


def _without_overtaken(backfill: Replay, waiting: Collection[Delivery], now: datetime) -> list[Delivery]:
    """Cancels those after which a later event about the same asset was sent or is about to be, and returns the rest."""
    keys = {delivery.order_key for delivery in waiting} - {""}
    first = min(delivery.sequence for delivery in waiting)
    oldest = Event.objects.filter(deliveries__in=waiting).order_by("pk").first()
    others = Delivery.objects.filter(
        integration=backfill.integration_id,
        status__in=(_Status.DELIVERED, _Status.PENDING),
        order_key__in=keys,
        sequence__gt=first,
    ).exclude(replay=backfill)
    if oldest:
        others = others.filter(pk__gte=first_id_at(oldest.created_at - PLACE_TOLERANCE))
    newest = dict(others.order_by().values_list("order_key").annotate(newest=Max("sequence")))
    overtaken = [delivery for delivery in waiting if newest.get(delivery.order_key, 0) > delivery.sequence]
    Delivery.objects.filter(pk__in=[delivery.pk for delivery in overtaken]).update(
        status=_Status.CANCELLED, finished_at=now, error=OVERTAKEN
    )
    return [delivery for delivery in waiting if delivery not in overtaken]


def _end_order(backfill: Replay) -> None:
    """Lets the integration send without an order again, once its snapshots have been sent."""
    pending = Delivery.objects.filter(integration=backfill.integration_id, status=_Status.PENDING).exclude(order_key="")
    if pending.exists() and pending.filter(replay=backfill).exists():
        backfill.next_at = timezone.now() + timedelta(seconds=REST_SECONDS)
    else:
        backfill.next_at = None
        others = Replay.objects.filter(integration=backfill.integration_id, next_at__isnull=False).exclude(
            pk=backfill.pk
        )
        if not others.exists():
            Integration.objects.filter(pk=backfill.integration_id).update(snapshots_pending=False)
    backfill.save(update_fields=["next_at"])

"""Replays: sending the deliveries of a time range again. They can be counted first, and cancelled, as backfills can."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from integrations.lookups import find
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.audit.services import Action, record, target_of
from invenicum.ids import first_id_at
from invenicum.quotas import REPLAYS

from .delivery_log import DeliveryLog, Filters
from .models import Delivery, Replay
from .services import requeue

REPLAY_BATCH_DELIVERIES = 5000  # queued in one transaction
BATCH_MOST_LOOKS = 20  # through the delivery log, for one batch
CANCELLED = dict.fromkeys(Replay.What, "The backfill was cancelled.") | {Replay.What.AGAIN: "The replay was cancelled."}


def count(
    owner: User,
    integration_type: str,
    since: datetime,
    until: datetime | None,
    statuses: Collection[str],
    most: int | None = None,
) -> int:
    """How many deliveries a replay with these parameters would send again: see `start`. At most `most`, if given."""
    chosen = _chosen(find(owner, integration_type).pk, since, until or timezone.now(), statuses)
    return chosen.order_by()[:most].count()


@transaction.atomic
def start(
    owner: User, integration_type: str, since: datetime, until: datetime | None, statuses: Collection[str]
) -> Replay:
    """Sends deliveries to the owner's integration of a type again, and returns the replay.

    It covers the deliveries that were created in [`since`, `until`) and have one of `statuses` (of `Delivery.Status`);
    `until` is now if it is None. The first batch is queued here, the others by `run_due`. Raises IntegrationNotFound,
    or QuotaExceeded if another replay of the integration is under way.
    """
    integration, until = find(owner, integration_type), until or timezone.now()
    Integration.objects.select_for_update().without_secrets().get(pk=integration.pk)  # of two at once, one waits
    REPLAYS.check(under_way(integration.pk))
    total = _chosen(integration.pk, since, until, statuses).count()
    replay = Replay.objects.create(
        owner=owner,
        integration=integration,
        since=since,
        until=until,
        statuses=list(statuses),
        total=total,
        last_id=first_id_at(since),
    )
    note(Action.REPLAY_STARTED, replay)
    queue_batch(replay)
    return replay


def note(action: Action, replay: Replay) -> None:
    """Adds what happens to a replay or a backfill to the audit trail."""
    detail = f"{Replay.What(replay.what).label}, {replay.total}"
    record(action, target=target_of(replay), owner_id=replay.owner_id, type=replay.integration.type, detail=detail)


def under_way(integration_id: UUID) -> int:
    """How many replays of an integration still queue deliveries, or wait for those that they have queued."""
    pending = Delivery.objects.filter(replay=OuterRef("pk"), status=Delivery.Status.PENDING)
    again = Replay.objects.filter(integration=integration_id, what=Replay.What.AGAIN)
    return again.filter(Q(finished_at=None) | Exists(pending)).count()


def newest(integration_id: UUID, limit: int) -> list[Replay]:
    """The newest replays and backfills of an integration, without the statuses of their deliveries."""
    return list(Replay.objects.filter(integration=integration_id).order_by("-id")[:limit])


def unfinished() -> QuerySet[Replay]:
    """The replays that have deliveries left to queue."""
    return Replay.objects.filter(what=Replay.What.AGAIN, finished_at=None)


def run_due(is_over: Callable[[], bool] = lambda: False) -> None:
    """Queues the next batch of one replay of each owner that has some left. Workers call it every few seconds.

    `is_over` is asked before each batch whether the rest is left to the next call; the order is random, so that it is
    not always the same ones that are left.
    """
    for pk in dict(unfinished().order_by("?").values_list("owner_id", "pk")).values():
        if is_over():
            return
        with transaction.atomic():
            replay = Replay.objects.select_for_update(skip_locked=True).filter(pk=pk, finished_at=None).first()
            if replay:
                queue_batch(replay)


def queue_batch(replay: Replay, most: int = REPLAY_BATCH_DELIVERIES) -> None:
    """Queues the next deliveries of a replay, in the caller's transaction: at most `most` if it has filters."""
    if replay.filters:
        _queue_selected(replay, most)
        return
    chosen = _chosen(replay.integration_id, replay.since, replay.until, replay.statuses)
    ids = list(
        chosen.filter(id__gt=replay.last_id).order_by("id").values_list("id", flat=True)[:REPLAY_BATCH_DELIVERIES]
    )
    if ids:
        _queue(replay, ids)
        replay.last_id = ids[-1]
    if len(ids) < REPLAY_BATCH_DELIVERIES:
        replay.finished_at = timezone.now()
    replay.save(update_fields=["last_id", "queued", "finished_at"])


def _queue_selected(replay: Replay, most: int) -> None:
    """The same for those that the filters of a replay select: it may have to look through many that do not match."""
    log = DeliveryLog(replay.owner_id, Filters.from_json(replay.filters), replay.integration_id)
    for _ in range(BATCH_MOST_LOOKS):
        keys, place = log.keys_after(replay.last_id, most)
        if keys:
            _queue(replay, keys)
        if place is None:
            replay.finished_at = timezone.now()
            replay.total, replay.total_is_exact = replay.queued, True
            break
        replay.last_id, most = place, most - len(keys)
        if not most:
            break
    replay.total = max(replay.total, replay.queued)
    replay.save(update_fields=["last_id", "queued", "finished_at", "total", "total_is_exact"])


def _queue(replay: Replay, keys: Sequence[UUID]) -> None:
    batch = Delivery.objects.filter(id__in=keys)
    requeue(batch)
    batch.update(replay=replay)
    replay.queued += len(keys)


@transaction.atomic
def cancel(replay: Replay) -> int:
    """Stops a replay or a backfill, cancels its deliveries that are pending, and returns how many these were.

    One that is all queued and has no pending deliveries does not become cancelled.
    """
    replay = Replay.objects.select_for_update().get(pk=replay.pk)
    now = timezone.now()
    pending = Delivery.objects.filter(replay=replay, status=Delivery.Status.PENDING)
    count = pending.update(
        status=Delivery.Status.CANCELLED, due_at=None, finished_at=now, error=CANCELLED[Replay.What(replay.what)]
    )
    if count or not replay.finished_at:
        Replay.objects.filter(pk=replay.pk).update(cancelled_at=now, finished_at=replay.finished_at or now)
        note(Action.REPLAY_CANCELLED, replay)
    return count


def _chosen(integration_id: UUID, since: datetime, until: datetime, statuses: Collection[str]) -> QuerySet[Delivery]:
    """The deliveries of a replay: an index finds them by the time in their ids, and `created_at` makes it exact."""
    return Delivery.objects.filter(
        integration_id=integration_id,
        status__in=statuses,
        id__gte=first_id_at(since),
        created_at__gte=since,
        created_at__lt=until,
    )

"""Sending again all deliveries that filters of the delivery log select, however many there are.

There is a replay for each integration concerned: the first batch is queued at once, the others by the replays' duty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.db import transaction
from django.utils import timezone

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.audit.services import Action
from invenicum.ids import first_id_at
from invenicum.quotas import REPLAYS

from . import wake
from .backfills import EVERYTHING_SINCE
from .delivery_log import Counted, DeliveryLog, Filters
from .models import Replay
from .replays import REPLAY_BATCH_DELIVERIES, note, queue_batch


@dataclass(frozen=True, slots=True)
class Retried:
    """What was begun: `queued` deliveries are sent again now, and if not `is_complete`, more follow by themselves.

    `replays`: one for each integration, with which they are watched and cancelled.
    """

    queued: int
    is_complete: bool
    replays: list[Replay]


def count(owner: User, filters: Filters) -> Counted:
    """How many deliveries `retry_all` would send again. At most three statements."""
    return DeliveryLog(owner.pk, filters, only_live=True).count()


@transaction.atomic
def retry_all(owner: User, filters: Filters) -> Retried:
    """Queues again all deliveries of the owner that `filters` select and that exist now.

    Those of integrations that have been deleted are left out; those of one that is not active wait for it. Raises
    QuotaExceeded if so many are still being queued for one of the integrations.
    """
    now = timezone.now()
    until = min(filters.until or now, now)
    filters = replace(filters, until=until)
    room, made = REPLAY_BATCH_DELIVERIES, list[Replay]()
    for integration in filters.integrations_of(owner.pk).live().without_secrets():
        counted = DeliveryLog(owner.pk, filters, integration.pk).count()
        if counted.is_exact and not counted.total:
            continue
        Integration.objects.select_for_update(no_key=True).without_secrets().get(pk=integration.pk)
        queueing = Replay.objects.filter(integration=integration, what=Replay.What.AGAIN, finished_at=None)
        REPLAYS.check(queueing.count())
        made.append(
            Replay(
                owner=owner,
                integration=integration,
                since=filters.since or EVERYTHING_SINCE,
                until=until,
                filters=filters.to_json(),
                total=counted.total,
                total_is_exact=counted.is_exact,
                last_id=first_id_at(filters.since or EVERYTHING_SINCE),
            )
        )
        made[-1].save(force_insert=True)
        note(Action.REPLAY_STARTED, made[-1])
        if room > 0:
            queue_batch(made[-1], room)
            room -= made[-1].queued
    is_complete = all(replay.finished_at for replay in made)
    if not is_complete:
        transaction.on_commit(wake.wake_duties)
    return Retried(sum(replay.queued for replay in made), is_complete, made)

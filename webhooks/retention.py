"""Forgetting: events with all that became of them, once they are old and nothing about them is pending."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.utils import timezone

from invenicum.events.models import Event, IdempotencyKey
from invenicum.ids import first_id_at

from .models import Attempt, Delivery, InboundEvent

BATCH = 2000
IDEMPOTENCY_TIME = timedelta(hours=24)


def prune(before: datetime) -> int:
    """Deletes events published before that moment, idempotency keys older than a day and sessions that have ended.
    Returns how many events.

    Goes through the primary key in batches, each in a transaction of its own, so that it neither needs an index by
    time nor holds up the engine.
    """
    IdempotencyKey.objects.filter(created_at__lt=timezone.now() - IDEMPOTENCY_TIME).delete()
    SessionStore.clear_expired()
    total, last, end = 0, UUID(int=0), first_id_at(before)
    unpublished = InboundEvent.objects.filter(event=None, id__lt=end)
    unpublished._raw_delete(unpublished.db)
    while True:
        ids = list(Event.objects.filter(id__gt=last, id__lt=end).order_by("id").values_list("id", flat=True)[:BATCH])
        if not ids:
            return total
        total += _delete(ids)
        last = ids[-1]


@transaction.atomic
def _delete(ids: list[UUID]) -> int:
    pending = Delivery.objects.filter(event__in=ids, status=Delivery.Status.PENDING).values_list("event", flat=True)
    ids = list(set(ids) - set(pending))
    # Straight to SQL: Django's own delete would first load every row that hangs on these.
    for rows in (
        Attempt.objects.filter(delivery__event__in=ids),
        Delivery.objects.filter(event__in=ids),
        InboundEvent.objects.filter(event__in=ids),
        Event.objects.filter(id__in=ids),
    ):
        rows._raw_delete(rows.db)
    return len(ids)

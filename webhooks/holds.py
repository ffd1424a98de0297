"""Holding all integrations of a type: an operator does while a service is down. Their deliveries stay pending.

A worker loses the leases of lanes that are held, so that within LEASE_RENEWAL_SECONDS it sends nothing more on them;
no claim takes them while they are held. Attempts in flight end, and a success of them counts.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from invenicum.accounts.models import User

from . import wake
from .models import Delivery, Lane, LaneQuerySet, TypeHold

RELEASE_BATCH_DELIVERIES = 5000  # made due in one transaction


def is_held(integration_type: str) -> bool:
    """Whether the type, e.g. `slack`, is held."""
    return TypeHold.objects.filter(type=integration_type).exists()


@transaction.atomic
def hold(integration_type: str, by: User | None) -> int:
    """Holds a type, also its integrations that are saved later. Returns how many integrations it has now."""
    TypeHold.objects.get_or_create(type=integration_type, defaults={"since": timezone.now(), "by": by})
    return _lanes(integration_type).update(on_hold=True, worker=None, leased_until=None)


def release(integration_type: str) -> int:
    """Ends a hold. Returns how many deliveries were made due that would have been tried later.

    The service is taken to work again: circuits are closed, and nothing waits for its next time in the schedule.
    """
    now = timezone.now()
    later = pending(integration_type).filter(due_at__gt=now).order_by("pk")
    count = 0
    while ids := list(later.values_list("pk", flat=True)[:RELEASE_BATCH_DELIVERIES]):
        count += Delivery.objects.filter(pk__in=ids, status=Delivery.Status.PENDING).update(due_at=now)
    with transaction.atomic():
        TypeHold.objects.filter(type=integration_type).delete()
        _lanes(integration_type).close()
        _lanes(integration_type).update(on_hold=False)
        transaction.on_commit(wake.wake)
    return count


def pending(integration_type: str) -> QuerySet[Delivery]:
    """The deliveries of a type that a worker would send, now or later."""
    return Delivery.objects.filter(
        integration__type=integration_type, status=Delivery.Status.PENDING, due_at__isnull=False
    )


def _lanes(integration_type: str) -> LaneQuerySet:
    return Lane.objects.filter(integration__type=integration_type)

"""How many bytes of deliveries each account has pending, and the quota on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Count, IntegerField, QuerySet, Sum
from django.db.models.expressions import Func

from integrations.models import Integration
from invenicum.events.models import Event
from invenicum.metering import Estimate
from invenicum.per_process import PerProcess
from invenicum.quotas import PENDING_BYTES

from .engine.values import NewDelivery
from .models import Delivery

DELIVERY_OVERHEAD_BYTES = 1024  # a delivery's own row and index entries, so that many small ones count too
RETRY_AFTER_SECONDS = 30


class OctetLength(Func):
    """The bytes of a text, which the database knows without reading it."""

    function = "OCTET_LENGTH"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)


def pending_bytes(owner_id: int) -> int:
    """What the database has pending for an owner: it reads at most as many deliveries as the quota allows."""
    integrations = Integration.objects.live().filter(owner=owner_id).values_list("pk", flat=True)
    pending = Delivery.objects.filter(integration__in=list(integrations), status=Delivery.Status.PENDING).order_by()
    sizes = pending.annotate(size=OctetLength("event__body") + DELIVERY_OVERHEAD_BYTES).values("size")
    bounded = sizes[: PENDING_BYTES.limit // DELIVERY_OVERHEAD_BYTES + 1] if PENDING_BYTES.limit else sizes
    return int(bounded.aggregate(total=Sum("size"))["total"] or 0)


def owners_with_pending(size: float) -> QuerySet[Delivery, int]:
    """The primary keys of owners who have at least `size` bytes pending."""
    pending = Delivery.objects.filter(status=Delivery.Status.PENDING).order_by().values("owner")
    found = pending.annotate(size=Sum(OctetLength("event__body")) + Count("pk") * DELIVERY_OVERHEAD_BYTES)
    return found.filter(size__gte=size).values_list("owner", flat=True)


_pending = PerProcess(lambda: Estimate(PENDING_BYTES, pending_bytes, RETRY_AFTER_SECONDS))


def check(owner_ids: Iterable[int], *, may_query: bool = True) -> None:
    """Raises QuotaExceeded for an owner who has too much pending. Hardly ever a query: see `Estimate`."""
    for owner_id in owner_ids:
        _pending.get().check(owner_id, may_look=may_query)


def count(events: Sequence[Event], deliveries: Sequence[NewDelivery]) -> None:
    """Notes what has just become pending."""
    sizes = {event.id: len(event.body) + DELIVERY_OVERHEAD_BYTES for event in events}
    added: dict[int, int] = {}
    for delivery in deliveries:
        added[delivery.owner_id] = added.get(delivery.owner_id, 0) + sizes[delivery.event_id]
    for owner_id, size in added.items():
        _pending.get().add(owner_id, size)

"""Why deliveries fail: counted by type, error class and status with each sample, so that a page reads a few rows."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, F, Max, Min, QuerySet
from django.db.models.fields import CharField
from django.db.models.functions import Cast

from webhooks.models import Delivery

from .models import FailureCause

CAUSES_KEPT = 50  # the most frequent


def count(now: datetime) -> None:
    """Counts what fails at `now`, in place of what was counted before, in the caller's transaction."""
    FailureCause.objects.all().delete()
    groups = (
        Delivery.objects.failing()
        .order_by()
        .values("error_class", "status_code", type=F("integration__type"))
        .annotate(
            deliveries=Count("pk"),
            owners=Count("owner", distinct=True),
            since=Min("created_at"),
            # PostgreSQL before 18 has no maximum of ids; as texts they sort by time too.
            example=Max(Cast("pk", CharField())),
        )
        .order_by("-deliveries")[:CAUSES_KEPT]
    )
    causes = [FailureCause(counted_at=now, **group) for group in groups]
    errors = dict(Delivery.objects.filter(pk__in=[cause.example for cause in causes]).values_list("pk", "error"))
    for cause in causes:
        cause.example = FailureCause._meta.get_field("example").to_python(cause.example)
        cause.error = errors.get(cause.example, "")
    FailureCause.objects.bulk_create(causes)


def matching(type: str, error_class: str, status_code: int | None) -> QuerySet[Delivery]:
    """The deliveries of a type, as `slack`, whose last attempt failed with this error class and HTTP status."""
    failing = Delivery.objects.failing()
    return failing.filter(integration__type=type, error_class=error_class, status_code=status_code)

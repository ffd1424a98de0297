"""Records each change of an integration's status, to explain later why an event was not sent to it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.signals import post_save
from django.dispatch import receiver

from .models import Integration, IntegrationChange


@receiver(post_save, sender=Integration)
def record_change(instance: Integration, **kwargs: Any) -> None:
    """Adds a change if the integration differs from the last one recorded."""
    current = {
        "status": instance.status,
        "subscriptions": instance.subscriptions,
        "deleted": instance.deleted_at is not None,
    }
    if instance.changes.values(*current).last() != current:
        instance.changes.create(**current)


def as_of(integrations: QuerySet[Integration], moment: datetime) -> dict[UUID, IntegrationChange]:
    """How each of `integrations` was at `moment`, by its id: the last change until then. One statement.

    Those that did not exist yet are left out.
    """
    changes = IntegrationChange.objects.filter(integration=OuterRef("pk"), at__lte=moment).order_by("-at", "-pk")
    last = integrations.annotate(last_change=Subquery(changes.values("pk")[:1])).order_by()
    found = IntegrationChange.objects.filter(pk__in=last.values("last_change"))
    return {change.integration_id: change for change in found}

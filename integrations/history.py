"""Records each change of an integration's status, to explain later why an event was not sent to it."""

from datetime import datetime
from typing import Any

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


def as_of(integration: Integration, moment: datetime) -> IntegrationChange | None:
    """The last change at or before `moment`: how the integration was then. Returns None if it did not exist yet."""
    return integration.changes.filter(at__lte=moment).last()

"""Keeps how integrations stood, so that one can say later why an event was not meant for one of them."""

from datetime import datetime
from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from .models import Integration, IntegrationChange


@receiver(post_save, sender=Integration)
def remember(instance: Integration, **kwargs: Any) -> None:
    """Adds a change where the integration stands otherwise than at the last one."""
    stands = {
        "status": instance.status,
        "subscriptions": instance.subscriptions,
        "deleted": instance.deleted_at is not None,
    }
    if instance.changes.values(*stands).last() != stands:
        instance.changes.create(**stands)


def as_of(integration: Integration, moment: datetime) -> IntegrationChange | None:
    """How it stood at that moment; None where it was not there yet."""
    return integration.changes.filter(at__lte=moment).last()

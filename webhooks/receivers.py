"""Receivers of signals: they create the deliveries of published events, in the publishing transaction, and update
pending deliveries when their integration changes."""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone

from integrations.models import Integration
from integrations.signals import (
    integration_deleted,
    integration_resumed,
    integration_stopped,
    remote_state_changed,
    target_changed,
)
from invenicum.accounts.models import User
from invenicum.accounts.signals import account_removed
from invenicum.events.models import Event
from invenicum.events.signals import events_offered, events_published

from . import backlog, wake
from .inbound.keys import refresh_keys
from .models import Delivery, Lane, Replay
from .outbox import create_deliveries
from .retention import delete_all_of


@receiver(account_removed)
def on_account_removed(user: User, **kwargs: Any) -> None:
    delete_all_of(user)


@receiver(events_offered)
def on_events_offered(owners: Collection[int], may_query: bool, **kwargs: Any) -> None:
    backlog.check(owners, may_query=may_query)


@receiver(events_published)
def on_events_published(events: list[Event], **kwargs: Any) -> None:
    if create_deliveries(events):
        transaction.on_commit(wake.wake)


@receiver(post_save, sender=Integration)
def on_integration_saved(
    instance: Integration, created: bool, update_fields: Collection[str] | None = None, **kwargs: Any
) -> None:
    if created:
        Lane.objects.create(integration=instance)
    if update_fields is None or "config" in update_fields:
        refresh_keys(instance)
        transaction.on_commit(wake.wake_duties)  # for the hooks at its provider


@receiver(target_changed)
def on_target_changed(integration: Integration, **kwargs: Any) -> None:
    """Lets one delivery probe the new target at once. The failures still count: if it fails too, the lane rests."""
    if Lane.objects.filter(pk=integration.pk, held_until__isnull=False).update(held_until=None):
        transaction.on_commit(wake.wake)


@receiver(remote_state_changed)
def on_remote_state_changed(integration: Integration, **kwargs: Any) -> None:
    refresh_keys(integration)


@receiver(integration_resumed)
def on_integration_resumed(integration: Integration, **kwargs: Any) -> None:
    Lane.objects.with_open_circuit().filter(pk=integration.pk).update(held_until=None)  # for one probe
    # What backfills have still to make due they do step by step, so that live events do not wait behind it.
    backfills = Replay.objects.filter(integration=integration, next_at__isnull=False, finished_at=None)
    waiting = _pending(integration).filter(due_at=None).exclude(replay__in=list(backfills.values_list("pk", flat=True)))
    if waiting.update(due_at=timezone.now()):
        transaction.on_commit(wake.wake)


@receiver(integration_stopped)
def on_integration_stopped(integration: Integration, **kwargs: Any) -> None:
    _pending(integration).update(due_at=None)


@receiver(integration_deleted)
def on_integration_deleted(integration: Integration, **kwargs: Any) -> None:
    now = timezone.now()
    # First, in the order in which whoever cancels one locks them too.
    Replay.objects.filter(integration=integration, finished_at=None).update(finished_at=now, cancelled_at=now)
    Replay.objects.filter(integration=integration, next_at__isnull=False).update(next_at=None)
    _pending(integration).update(
        status=Delivery.Status.CANCELLED,
        due_at=None,
        finished_at=now,
        error="The integration was deleted.",
    )
    transaction.on_commit(wake.wake_duties)  # for its hooks at the provider, and to revoke its credentials


def _pending(integration: Integration) -> QuerySet[Delivery]:
    return Delivery.objects.filter(integration=integration, status=Delivery.Status.PENDING)

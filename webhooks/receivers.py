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
    target_may_work,
)
from invenicum.accounts.models import User
from invenicum.accounts.signals import account_removed
from invenicum.events.models import Event
from invenicum.events.signals import events_offered, events_published

from . import backlog, holds, wake
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
        Lane.objects.create(integration=instance, on_hold=holds.is_held(instance.type))
    if update_fields is None or "config" in update_fields:
        refresh_keys(instance)
        transaction.on_commit(wake.wake_duties)  # for the hooks at its provider


@receiver(target_may_work)
def on_target_may_work(integration: Integration, is_new: bool, **kwargs: Any) -> None:
    """Lets one delivery probe the target at once. The failures still count: if it fails too, the lane rests.

    What an open circuit has delayed is due at once, so that a success of the probe is followed by all that waits, and
    so is what another target refused. What the service asked for (Retry-After) stands, unless it is another one now.

    `integration.failing_since` becomes None if no delivery waits.
    """
    lane, now = Lane.objects.filter(pk=integration.pk), timezone.now()
    is_open = lane.with_open_circuit().exists()
    delayed = _pending(integration).filter(due_at__gt=now).update(due_at=now) if is_open or is_new else 0
    lane.filter(rejections__gt=0).update(rejections=0, rejections_notified=False)
    released = lane.filter(held_until__isnull=False).update(held_until=None) if is_open or is_new else 0
    if delayed or released:
        transaction.on_commit(wake.wake)
    if integration.failing_since and not _pending(integration).exists():
        # No delivery can show that it works again, and its five days must not go on.
        integration.failing_since = None
        Integration.objects.filter(pk=integration.pk).update(failing_since=None)


@receiver(remote_state_changed)
def on_remote_state_changed(integration: Integration, **kwargs: Any) -> None:
    refresh_keys(integration)


@receiver(integration_resumed)
def on_integration_resumed(integration: Integration, **kwargs: Any) -> None:
    # What it is sent may fail again: then its owner is told again.
    Lane.objects.filter(pk=integration.pk, notices__gt=0).update(notices=0)
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
    # First, in the order in which a cancellation locks them too.
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

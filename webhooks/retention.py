"""Retention: deleting old events with their deliveries and attempts, unless one of the deliveries is pending."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import QuerySet
from oauth2_provider.models import clear_expired as clear_expired_tokens

from integrations import reserved_secrets
from invenicum.accounts import portal_sessions, sign_in_limits
from invenicum.accounts.idempotency import forget_old_keys
from invenicum.accounts.models import User
from invenicum.accounts.session_store import SessionStore
from invenicum.audit import services as audit
from invenicum.events.models import Event
from invenicum.ids import first_id_at

from .models import Attempt, Delivery, HourlySum, InboundEvent

PRUNE_BATCH_EVENTS = 2000  # deleted in one transaction

log = structlog.get_logger(__name__)


def prune(before: datetime, is_over: Callable[[], bool] = lambda: False) -> int:
    """Deletes events published before a time, and returns how many; also expired idempotency keys, sessions,
    links to the portal, tokens, reserved secrets, old entries of the audit trail, and hourly sums.

    It reads the primary key, which begins with the time, and so needs no other index. Each batch has its own
    transaction, so that the engine does not wait for it. `is_over` is asked before each batch whether the rest is left
    to the next call.
    """
    for remove_expired in (
        forget_old_keys,
        sign_in_limits.forget_old,
        portal_sessions.forget_ended,
        SessionStore.clear_expired,
        clear_expired_tokens,
        reserved_secrets.forget_old,
        audit.forget_old,
    ):
        try:
            remove_expired()
        except Exception:  # one that fails must not stop the others
            log.exception("expired_not_removed", kind=remove_expired.__name__)
    total, last, end = 0, UUID(int=0), first_id_at(before)
    unpublished = InboundEvent.objects.filter(event=None, id__lt=end)
    _delete_rows(unpublished, HourlySum.objects.filter(hour__lt=before))
    while not is_over():
        ids = list(
            Event.objects.filter(id__gt=last, id__lt=end)
            .order_by("id")
            .values_list("id", flat=True)[:PRUNE_BATCH_EVENTS]
        )
        if not ids:
            break
        total += _delete(ids)
        last = ids[-1]
    return total


@transaction.atomic
def _delete(ids: list[UUID]) -> int:
    pending = Delivery.objects.filter(event__in=ids, status=Delivery.Status.PENDING).values_list("event", flat=True)
    ids = list(set(ids) - set(pending))
    _delete_rows(
        Attempt.objects.filter(delivery__event__in=ids),
        Delivery.objects.filter(event__in=ids),
        InboundEvent.objects.filter(event__in=ids),
        Event.objects.filter(id__in=ids),
    )
    return len(ids)


def delete_all_of(user: User) -> None:
    """Deletes a user's events, deliveries and received hooks: four statements in the caller's transaction."""
    _delete_rows(
        Attempt.objects.filter(delivery__owner=user),
        Delivery.objects.filter(owner=user),
        InboundEvent.objects.filter(integration__owner=user),
        Event.objects.filter(owner=user),
    )


def _delete_rows(*querysets: QuerySet[Any]) -> None:
    """Deletes without Django's collector, which would load every related row first."""
    for rows in querysets:
        rows._raw_delete(rows.db)

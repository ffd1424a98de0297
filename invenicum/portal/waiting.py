"""How many deliveries of an integration wait, and until when."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations.models import Integration
from webhooks.models import Delivery

from .numbers import count

COUNTED_PENDING = 1000  # deliveries that wait are counted up to here: more of them cost a page too much


def count_of(integration: Integration) -> int:
    """How many are pending; COUNTED_PENDING + 1 for more than that."""
    pending = Delivery.objects.filter(integration=integration, status=Delivery.Status.PENDING).order_by()
    return pending[: COUNTED_PENDING + 1].count()


def sentence(number: int) -> str:
    """`12 deliveries wait.`; empty for none."""
    if number > COUNTED_PENDING:
        return _("More than %(number)s deliveries wait.") % {"number": count(COUNTED_PENDING)}
    if not number:
        return ""
    return ngettext("%(number)s delivery waits.", "%(number)s deliveries wait.", number) % {"number": count(number)}


def cancelled_sentence(number: int) -> str:
    """`12 deliveries that wait are cancelled.`; empty for none."""
    if number > COUNTED_PENDING:
        return _("More than %(number)s deliveries that wait are cancelled.") % {"number": count(COUNTED_PENDING)}
    if not number:
        return ""
    words = ngettext(
        "%(number)s delivery that waits is cancelled.", "%(number)s deliveries that wait are cancelled.", number
    )
    return words % {"number": count(number)}


def next_try(integration: Integration) -> datetime | None:
    """When the next delivery is tried by itself, of an integration with its `lane`; None if that is now or never."""
    pending = Delivery.objects.filter(integration=integration, status=Delivery.Status.PENDING, due_at__isnull=False)
    first: datetime | None = pending.order_by("due_at").values_list("due_at", flat=True).first()
    times = [moment for moment in (first, integration.lane.held_until) if moment and moment > timezone.now()]
    return max(times) if first and times else None

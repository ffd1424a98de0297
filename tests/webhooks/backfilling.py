"""What the tests of backfills do: publish, start, and make step after step with what is due delivered in between."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from integrations import services
from invenicum.accounts.models import User
from invenicum.events.models import Event
from invenicum.events.publish import Draft, publish_many
from tests.waiting import wait_until
from webhooks import backfill_steps, backfills
from webhooks.engine.worker import drain
from webhooks.models import Delivery, Replay

BACKFILL = "/integrations/webhook/backfill"


def publish(owner: User, count: int, name: str = "asset.created", first: int = 0) -> list[Event]:
    return publish_many([Draft(owner, name, {"assetId": f"asset-{n}"}) for n in range(first, first + count)])


def miss(owner: User, count: int, first: int = 0) -> list[Event]:
    """Events that are published while the owner's webhook is paused."""
    services.set_active(owner, "webhook", False)
    events = publish(owner, count, first=first)
    services.set_active(owner, "webhook", True)
    return events


def start(owner: User, what: str = "missed", **range_: Any) -> Replay:
    backfills.start(owner, "webhook", what, range_.get("since"), range_.get("until"))
    return Replay.objects.latest("id")


def step(backfill: Replay) -> Replay:
    """The next step, without the wait before it."""
    Replay.objects.filter(pk=backfill.pk, next_at__isnull=False).update(next_at=timezone.now())
    backfill_steps.step(backfill.pk)
    backfill.refresh_from_db()
    return backfill


def run(backfill: Replay) -> Replay:
    """Makes and sends everything."""

    def is_done() -> bool:
        step(backfill)
        drain()
        return backfill.next_at is None

    wait_until(is_done, "the backfill has ended")
    return backfill


def subjects() -> list[str]:
    """The assets that deliveries were made for, in the order in which they are due or were made."""
    rows = Delivery.objects.filter(backfilled=True).order_by("sequence")
    return list(rows.values_list("event__subject", flat=True))

"""Backfills: deliveries made afterwards, of events that an integration missed or of the assets that there are.

A backfill is a row of the replays. Here it is planned, started and counted; `backfill_steps` makes its deliveries.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from integrations import registry
from integrations.lookups import find
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.accounts.services import lock_account
from invenicum.assets.exports import count_created
from invenicum.audit.services import Action
from invenicum.events.names import ASSET_CREATED, matches
from invenicum.ids import first_id_at
from invenicum.quotas import BACKFILLS
from invenicum.timestamps import format_timestamp

from . import missed, replays, wake
from .models import Replay

EVERYTHING_SINCE = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_PACE_DELIVERIES = 10

What = Replay.What


class NotPossible(Exception):
    """This integration cannot be sent that. The message is a sentence for its owner."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a backfill would do: how many deliveries it makes of [`since`, `until`), and what the owner should know.

    If `total_is_exact` is False, counting was given up: there are at least `total`. `message` is a sentence or empty.
    """

    what: str
    since: datetime
    until: datetime
    total: int
    total_is_exact: bool
    message: str
    public_id: str | None = None


def plan(
    owner: User,
    integration_type: str,
    what: str,
    since: datetime | None,
    until: datetime | None,
    max_seconds: float = missed.COUNT_MAX_SECONDS,
) -> Plan:
    """What a backfill with these parameters would do; see `start`. Counting is given up after `max_seconds`.

    Raises UnknownType, IntegrationNotFound or NotPossible.
    """
    integration = find(owner, integration_type)
    now = timezone.now()
    until = min(until or now, now)
    if what == What.EXISTING:
        _check_takes_existing(integration)
        since = since or EVERYTHING_SINCE
        return Plan(what, since, until, count_created(integration.owner_id, since, until), True, "")
    earliest = missed.earliest()
    message = ""
    if since is not None and since < earliest:
        days = f"{settings.RETENTION_DAYS:g} day{'' if settings.RETENTION_DAYS == 1 else 's'}"
        message = f"Events from before {format_timestamp(earliest)} are gone: they are kept for {days}."
    since = max(since or earliest, earliest)
    return Plan(what, since, until, *missed.count(integration, since, until, max_seconds=max_seconds), message)


def start(owner: User, integration_type: str, what: str, since: datetime | None, until: datetime | None) -> Plan:
    """Begins a backfill of the owner's integration of a type, and returns what it does, with its id.

    `what`: of `Replay.What`, MISSED: the events published in [`since`, `until`) that the integration's present
    subscriptions select and for which it has no delivery; from the first that is kept if `since` is None. EXISTING:
    snapshots of the assets created in that range; of all if it is None. `until` is now if it is None, and at the
    latest. The deliveries are made by `backfill_steps.run_due`, in that order, while the integration is active.

    Raises what `plan` raises, or QuotaExceeded if another backfill of the integration is under way.
    """
    planned = plan(owner, integration_type, what, since, until)
    with transaction.atomic():
        lock_account(owner)
        key = find(owner, integration_type).pk
        integration = Integration.objects.select_for_update(no_key=True).without_secrets().get(pk=key)
        BACKFILLS.check(under_way(key))
        if what == What.EXISTING and not integration.ordered:
            # By an update, so that `updated_at` stays, which says that the configuration has changed.
            Integration.objects.filter(pk=key).update(snapshots_pending=True)
        backfill = Replay.objects.create(
            owner=owner,
            integration=integration,
            what=what,
            since=planned.since,
            until=planned.until,
            total=planned.total,
            total_is_exact=planned.total_is_exact,
            last_id=first_id_at(planned.since),
            pace=FIRST_PACE_DELIVERIES,
            next_at=timezone.now(),
        )
        replays.note(Action.EXPORTED if what == What.EXISTING else Action.REPLAY_STARTED, backfill)
        transaction.on_commit(wake.wake_duties)
    return Plan(
        what,
        planned.since,
        planned.until,
        planned.total,
        planned.total_is_exact,
        planned.message,
        backfill.public_id,
    )


def under_way(integration_id: UUID) -> int:
    """How many backfills of an integration have deliveries to make."""
    unfinished = Replay.objects.filter(integration=integration_id, finished_at=None)
    return unfinished.exclude(what=What.AGAIN).count()


def _check_takes_existing(integration: Integration) -> None:
    connector = registry.get(integration.type)
    if not connector.takes_existing:
        raise NotPossible(
            f"{connector.name} keeps no copy of assets: it would get a message or an event for each one that exists. "
            "Storage services, Git platforms and custom webhooks can be sent what exists."
        )
    if not matches(integration.subscriptions, ASSET_CREATED):
        raise NotPossible(
            f"The {connector.name} integration is not sent {ASSET_CREATED}, and so no assets: change its configuration."
        )

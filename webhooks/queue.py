"""The queue in the database: claiming what is due, and writing down what became of it.

Plain SQL where it matters. The ORM's `bulk_update` builds a CASE over every row and its `bulk_create` adapts values
one by one: together several times the cost of the arrays used here on PostgreSQL. SQLite, with one writer and no
network, gets the same statements row by row.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, DateTimeField, F, Value, When

from integrations.models import Integration
from invenicum.events.ids import public_id
from invenicum.events.message import Message

from .models import Attempt, Delivery

NO_LANE = UUID(int=0)
MAX_LANES = 2000  # integrations looked at in one claim


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this worker may try. `version` changes whenever the integration's configuration may have."""

    id: UUID
    attempt_count: int
    integration_id: UUID
    version: datetime
    active: bool
    message: Message


@dataclass(frozen=True, slots=True)
class Outcome:
    """One try, ready to be written. `due_at` is set where there will be another try."""

    delivery_id: UUID
    integration_id: UUID
    status: str
    due_at: datetime | None
    error: str
    started_at: datetime
    duration_ms: int
    status_code: int | None
    error_class: str
    response_excerpt: str


def new_lease() -> int:
    """A worker's mark."""
    return secrets.randbits(62)


def claim(
    lease: int,
    *,
    now: datetime,
    until: datetime,
    limit: int,
    per_integration: int,
    after: UUID = NO_LANE,
    without: Collection[UUID] = (),
) -> list[Claimed]:
    """Takes up to `limit` due deliveries, at most `per_integration` of each integration, and leases them `until` then.

    Integrations are visited in the order of their ids, beginning behind `after`, and those in `without` are left
    out; a caller that goes on where it stopped and then begins anew serves all of them in turn.
    """
    parameters = {
        "lease": lease,
        "now": now,
        "until": until,
        "limit": limit,
        "per": per_integration,
        "after": after,
        "without": list(without),
        "lanes": MAX_LANES,
    }
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(CLAIM, parameters)
            return [_claimed(row) for row in cursor.fetchall()]
    return _claim_one_by_one(parameters)


# `lanes` hops from one integration with pending deliveries to the next through the partial index, so that a million
# rows of one owner cost no more than one. Rows that are leased stay in the index and are skipped.
CLAIM = """
WITH RECURSIVE lanes (integration_id, hops) AS (
    (SELECT integration_id, 1 FROM webhooks_delivery
      WHERE status = 'pending' AND due_at IS NOT NULL AND integration_id > %(after)s
      ORDER BY integration_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.integration_id FROM webhooks_delivery d
             WHERE d.status = 'pending' AND d.due_at IS NOT NULL AND d.integration_id > lanes.integration_id
             ORDER BY d.integration_id LIMIT 1), hops + 1
      FROM lanes WHERE lanes.integration_id IS NOT NULL AND hops < %(lanes)s
), picked AS (
    SELECT due.id
      FROM lanes CROSS JOIN LATERAL (
        SELECT id FROM webhooks_delivery d
         WHERE d.integration_id = lanes.integration_id AND d.status = 'pending' AND d.due_at <= %(now)s
           AND (d.leased_until IS NULL OR d.leased_until < %(now)s)
         ORDER BY d.due_at LIMIT %(per)s FOR UPDATE SKIP LOCKED) due
     WHERE lanes.integration_id <> ALL(%(without)s::uuid[])
     LIMIT %(limit)s
)
UPDATE webhooks_delivery d
   SET leased_until = %(until)s, lease = %(lease)s
  FROM picked, integrations_integration i, events_event e
 WHERE d.id = picked.id AND i.id = d.integration_id AND e.id = d.event_id
RETURNING d.id, d.attempt_count, d.integration_id, i.updated_at, i.status = 'active',
          e.id, e.name, e.occurred_at, e.body, e.document::text
"""


def _claimed(row: Sequence[Any]) -> Claimed:
    delivery_id, attempts, integration_id, version, active, event_id, name, occurred_at, body, document = row
    message = Message(
        id=public_id("evt", event_id),
        name=name,
        occurred_at=occurred_at,
        body=body.encode(),
        document=json.loads(document) if document else None,
    )
    return Claimed(delivery_id, attempts, integration_id, version, active, message)


def _claim_one_by_one(parameters: dict[str, Any]) -> list[Claimed]:
    """The same on SQLite, which has neither LATERAL nor row locks and needs neither: one writer at a time."""
    ids: list[UUID] = []
    pending = Delivery.objects.filter(status=Delivery.Status.PENDING, due_at__isnull=False)
    lane = parameters["after"]
    with transaction.atomic():
        for _ in range(parameters["lanes"]):
            lane = (
                pending.filter(integration_id__gt=lane)
                .order_by("integration_id")
                .values_list("integration_id", flat=True)
                .first()
            )
            if lane is None or len(ids) >= parameters["limit"]:
                break
            if lane in parameters["without"]:
                continue
            free = pending.filter(integration_id=lane, due_at__lte=parameters["now"]).exclude(
                leased_until__gte=parameters["now"]
            )
            room = min(parameters["per"], parameters["limit"] - len(ids))
            ids += free.order_by("due_at").values_list("id", flat=True)[:room]
        claimed = Delivery.objects.filter(id__in=ids)
        claimed.update(leased_until=parameters["until"], lease=parameters["lease"])
        rows = claimed.select_related("integration", "event").defer("integration__secrets")
        return [
            Claimed(
                delivery.id,
                delivery.attempt_count,
                delivery.integration_id,
                delivery.integration.updated_at,
                delivery.integration.status == Integration.Status.ACTIVE,
                delivery.event.message(),
            )
            for delivery in rows
        ]


def record(lease: int, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Writes outcomes and attempts in one transaction.

    An outcome counts only while its delivery is pending and leased to `lease`: one that was cancelled, or taken over
    after the lease ran out, keeps what the other hand wrote. Its attempt is logged all the same.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            _record_in_bulk(lease, outcomes, now)
        else:
            _record_one_by_one(lease, outcomes, now)


RECORD_DELIVERED = """
UPDATE webhooks_delivery
   SET status = 'delivered', attempt_count = attempt_count + 1, due_at = NULL, leased_until = NULL, lease = NULL,
       error = '', finished_at = %(now)s
 WHERE id = ANY(%(ids)s) AND lease = %(lease)s AND status = 'pending'
"""
RECORD_OTHERS = """
UPDATE webhooks_delivery d
   SET status = o.status, attempt_count = attempt_count + 1, leased_until = NULL, lease = NULL, error = o.error,
       due_at = CASE WHEN d.due_at IS NULL THEN NULL ELSE o.due_at END,
       finished_at = CASE WHEN o.status = 'pending' THEN NULL ELSE %(now)s END
  FROM unnest(%(ids)s::uuid[], %(statuses)s::text[], %(due)s::timestamptz[], %(errors)s::text[])
       AS o (id, status, due_at, error)
 WHERE d.id = o.id AND d.lease = %(lease)s AND d.status = 'pending'
"""
RECORD_ATTEMPTS = """
INSERT INTO webhooks_attempt
       (delivery_id, started_at, duration_ms, status_code, error_class, error, response_excerpt)
SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::integer[], %s::smallint[], %s::text[],
                     %s::text[], %s::text[])
"""
RECORD_SYNC = """
UPDATE integrations_integration SET last_sync = %(now)s, failing_since = NULL
 WHERE id IN (SELECT id FROM integrations_integration
               WHERE id = ANY(%(ids)s)
                 AND (last_sync IS NULL OR last_sync < %(now)s - interval '1 second' OR failing_since IS NOT NULL)
               FOR UPDATE SKIP LOCKED)
"""


def _record_in_bulk(lease: int, outcomes: Sequence[Outcome], now: datetime) -> None:
    delivered = [outcome for outcome in outcomes if outcome.status == Delivery.Status.DELIVERED]
    others = [outcome for outcome in outcomes if outcome.status != Delivery.Status.DELIVERED]
    with connection.cursor() as cursor:
        if delivered:
            ids = [outcome.delivery_id for outcome in delivered]
            cursor.execute(RECORD_DELIVERED, {"now": now, "ids": ids, "lease": lease})
            synced = list({outcome.integration_id for outcome in delivered})
            cursor.execute(RECORD_SYNC, {"now": now, "ids": synced})
        if others:
            cursor.execute(
                RECORD_OTHERS,
                {
                    "now": now,
                    "lease": lease,
                    "ids": [outcome.delivery_id for outcome in others],
                    "statuses": [str(outcome.status) for outcome in others],
                    "due": [outcome.due_at for outcome in others],
                    "errors": [outcome.error for outcome in others],
                },
            )
        cursor.execute(RECORD_ATTEMPTS, _columns(outcomes))


def _columns(outcomes: Iterable[Outcome]) -> list[list[Any]]:
    rows = [
        (
            outcome.delivery_id,
            outcome.started_at,
            outcome.duration_ms,
            outcome.status_code,
            outcome.error_class,
            outcome.error,
            outcome.response_excerpt,
        )
        for outcome in outcomes
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def _record_one_by_one(lease: int, outcomes: Sequence[Outcome], now: datetime) -> None:
    mine = Delivery.objects.filter(lease=lease, status=Delivery.Status.PENDING)
    done = {"attempt_count": F("attempt_count") + 1, "leased_until": None, "lease": None}
    delivered = [outcome for outcome in outcomes if outcome.status == Delivery.Status.DELIVERED]
    mine.filter(id__in=[outcome.delivery_id for outcome in delivered]).update(
        status=Delivery.Status.DELIVERED, due_at=None, error="", finished_at=now, **done
    )
    Integration.objects.filter(id__in={outcome.integration_id for outcome in delivered}).update(
        last_sync=now, failing_since=None
    )
    for outcome in outcomes:
        if outcome.status == Delivery.Status.DELIVERED:
            continue
        due_at = Case(When(due_at=None, then=None), default=Value(outcome.due_at), output_field=DateTimeField())
        finished_at = None if outcome.status == Delivery.Status.PENDING else now
        mine.filter(id=outcome.delivery_id).update(
            status=outcome.status, due_at=due_at, error=outcome.error, finished_at=finished_at, **done
        )
    Attempt.objects.bulk_create(
        Attempt(
            delivery_id=outcome.delivery_id,
            started_at=outcome.started_at,
            duration_ms=outcome.duration_ms,
            status_code=outcome.status_code,
            error_class=outcome.error_class,
            error=outcome.error,
            response_excerpt=outcome.response_excerpt,
        )
        for outcome in outcomes
    )


def release(lease: int, ids: Collection[UUID]) -> None:
    """Hands back deliveries untried, for another worker to take at once."""
    Delivery.objects.filter(id__in=ids, lease=lease).update(lease=None, leased_until=None)


def hold(lease: int, ids: Collection[UUID]) -> None:
    """Puts back deliveries whose integration turned out not to be active, to wait until it is."""
    Delivery.objects.filter(id__in=ids, lease=lease, status=Delivery.Status.PENDING).update(
        lease=None, leased_until=None, due_at=None
    )


def is_due(now: datetime) -> bool:
    """Whether anything could be claimed now."""
    due = Delivery.objects.filter(status=Delivery.Status.PENDING, due_at__lte=now)
    return due.exclude(leased_until__gte=now).exists()

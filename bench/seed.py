"""Creates owners, integrations and events for the measurements, large numbers of events inside PostgreSQL."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import timedelta

from django.db import connection

from integrations.core.signing import SECRET_PREFIX
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from webhooks.models import Delivery, Lane

SECRET = SECRET_PREFIX + base64.b64encode(b"secret-that-is-32-bytes-or-more!").decode()


def connect(urls: Sequence[str], owners: int) -> list[int]:
    """`owners` users, each with a custom webhook at one of `urls` in turn. Returns their ids."""
    first = User.objects.count()
    users = User.objects.bulk_create(User(username=f"owner-{first + number}") for number in range(owners))
    integrations = Integration.objects.bulk_create(
        Integration(
            owner=user,
            type="webhook",
            config={"url": urls[number % len(urls)]},
            secrets={"secret": SECRET},
            secret_names=["secret"],
            subscriptions=["asset.*"],
        )
        for number, user in enumerate(users)
    )
    Lane.objects.bulk_create(Lane(integration=integration) for integration in integrations)
    return [user.pk for user in users]


def draft(owner: int, number: int) -> Draft:
    """An event as the asset register publishes it."""
    data = {
        "assetId": f"asset-{number}",
        "name": "Product Photo.jpg",
        "category": "Images",
        "createdBy": f"user-{owner}",
        "url": f"https://cdn.invenicum.com/assets/asset-{number}",
    }
    document = data | {"tags": [], "createdAt": "2026-03-07T10:30:00Z", "updatedAt": "2026-03-07T10:30:00Z"}
    return Draft(User(pk=owner), "asset.created", data, document=document)


# The ids are UUIDv7 like the application's, so that the indexes grow in the same way.
EVENTS = """
INSERT INTO events_event (id, owner_id, name, subject, occurred_at, created_at, body, document)
SELECT uuidv7(%(age)s), owner, 'asset.created', asset, date_trunc('second', now() + %(age)s), now() + %(age)s,
       '{"event":"asset.created","timestamp":"2026-03-07T10:30:00Z","data":' || shown || '}',
       shown::jsonb || '{"tags":[],"createdAt":"2026-03-07T10:30:00Z","updatedAt":"2026-03-07T10:30:00Z"}'
  FROM generate_series(%(first)s, %(last)s) AS number,
       LATERAL (SELECT (%(owners)s::int[])[1 + number %% %(turn)s] AS owner, 'asset-' || number AS asset),
       LATERAL (SELECT '{"assetId":"' || asset || '","name":"Product Photo.jpg","category":"Images","createdBy":"user-'
                || owner || '","url":"https://cdn.invenicum.com/assets/' || asset || '"}' AS shown)
RETURNING id, owner_id, sequence"""
DELIVERIES = f"""
WITH fresh AS ({EVENTS}), made AS (
    INSERT INTO webhooks_delivery (id, event_id, integration_id, owner_id, status, due_at, attempt_count, order_key,
                                   sequence, error, created_at)
    SELECT uuidv7(), fresh.id, i.id, fresh.owner_id, 'pending', now(), 0, '', fresh.sequence, '', now()
      FROM fresh JOIN integrations_integration i ON i.owner_id = fresh.owner_id
)
SELECT replace(id::text, '-', ''), owner_id FROM fresh
"""


def fill(owners: Sequence[int], count: int, first: int = 0, days_ago: int = 0) -> list[tuple[str, int]]:
    """Inserts `count` events of the owners in turn, with their deliveries. Returns (event id, owner) of each."""
    arguments = {
        "first": first,
        "last": first + count - 1,
        "owners": list(owners),
        "turn": len(owners),
        "age": timedelta(days=-days_ago),
    }
    with connection.cursor() as cursor:
        cursor.execute(DELIVERIES, arguments)
        made: list[tuple[str, int]] = cursor.fetchall()
    return made


def fill_many(owners: Sequence[int], count: int, days_ago: int = 0) -> None:
    """The same for any number of events."""
    for first in range(0, count, 50_000):
        fill(owners, min(50_000, count - first), first, days_ago)
    settle()


def deliver_all() -> None:
    """Marks all pending deliveries as delivered at the first attempt."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO webhooks_attempt (delivery_id, started_at, duration_ms, status_code, error_class, error,"
            " response_excerpt) SELECT id, created_at, 3, 200, '', '', 'ok' FROM webhooks_delivery"
        )
        cursor.execute("UPDATE webhooks_delivery SET status = 'delivered', due_at = NULL, finished_at = created_at")
    settle()


def publish(owners: Sequence[int], count: int) -> None:
    """The same through the application, on any database."""
    for start in range(0, count, 1000):
        publish_many(draft(owners[n % len(owners)], n) for n in range(start, min(start + 1000, count)))


def settle() -> None:
    """Updates statistics and visibility like autovacuum."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def wipe() -> None:
    """Removes all events, deliveries and attempts, and releases the lanes."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("TRUNCATE events_event, webhooks_delivery, webhooks_attempt CASCADE")
        else:
            for table in ("webhooks_attempt", "webhooks_delivery", "events_event"):
                cursor.execute(f"DELETE FROM {table}")
    Lane.objects.update(worker=None, leased_until=None, failures=0, held_until=None)
    Integration.objects.update(failing_since=None)


def pending() -> int:
    return Delivery.objects.filter(status=Delivery.Status.PENDING).count()

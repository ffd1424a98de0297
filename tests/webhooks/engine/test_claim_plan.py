"""A claim reads a few deliveries of each lane, however many are pending and whatever the statistics say."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.factories import connect_webhook
from webhooks.engine.claim import claim_due, new_worker_mark
from webhooks.engine.postgresql_claim import CLAIM, CLAIM_SETTINGS, IDLE_CLAIM
from webhooks.engine.values import (
    CLAIM_MAX_LANES_VISITED,
    LANE_LEASE,
    LARGE_MESSAGE_BYTES,
    LONGEST_LANE_LEASE,
    NO_LANE,
    ClaimRequest,
)
from webhooks.models import Delivery

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such statistics")

LANES = 30
DEPTH = 4


def publish(owners: list[User], each: int) -> None:
    publish_many(Draft(owner, "asset.created", {"assetId": f"asset-{n}"}) for n in range(each) for owner in owners)


def analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def explain(settings: str, statement: str) -> dict[str, Any]:
    """The plan of a claim of all lanes, with what it did. The claim is undone."""
    arguments: dict[str, Any] = {
        "worker": new_worker_mark(),
        "now": timezone.now(),
        "lease": LANE_LEASE,
        "longest": LONGEST_LANE_LEASE,
        "grace": timedelta(0),
        "after": NO_LANE,
        "lanes": 1000,
        "depth": DEPTH,
        "own": "{}",
        "exclude": "{}",
        "hops": CLAIM_MAX_LANES_VISITED,
        "sleep": timedelta(0),
        "large": LARGE_MESSAGE_BYTES,
        "plain": [],
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{settings}EXPLAIN (ANALYZE, FORMAT JSON) {statement}", arguments)
        while cursor.nextset():
            pass
        [[[explained]]] = cursor.fetchall()
        transaction.set_rollback(True)
    plan: dict[str, Any] = explained["Plan"]
    return plan


def deliveries_read(plan: dict[str, Any]) -> float:
    """How many rows it took from the table or an index of it."""
    found = [node for node in nodes(plan) if node.get("Relation Name") == "webhooks_delivery"]
    assert found
    return float(
        sum(node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) for node in found)
    )


def idle_request() -> ClaimRequest:
    return ClaimRequest(new_worker_mark(), timezone.now(), lanes=1000, depth=DEPTH)


def claim() -> dict[str, Any]:
    return explain(CLAIM_SETTINGS, CLAIM)


def idle_claim() -> dict[str, Any]:
    return explain(IDLE_CLAIM.settings, f"EXECUTE {IDLE_CLAIM.name} ({IDLE_CLAIM.arguments()})")


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.django_db(transaction=True)
def test_a_flood_costs_a_claim_no_more_than_a_few_deliveries(ordered: bool) -> None:
    owners = [User.objects.create(username=f"owner-{number}") for number in range(LANES)]
    for owner in owners:
        connect_webhook(owner, ordered=ordered)
    publish(owners, 100)
    Delivery.objects.update(status=Delivery.Status.DELIVERED, due_at=None)
    analyze()
    publish(owners, 100)
    most = 3 * LANES * (DEPTH + 1)  # the search for lanes, whether anything is due, what is due, and what is earlier
    assert LANES <= deliveries_read(claim()) <= most  # while the statistics say that nothing is pending
    analyze()
    assert LANES <= deliveries_read(claim()) <= most


@pytest.mark.django_db(transaction=True)
def test_the_plan_of_an_idle_claim_is_made_once_and_right_for_large_tables() -> None:
    owners = [User.objects.create(username=f"owner-{number}") for number in range(LANES)]
    for owner in owners:
        connect_webhook(owner)
    connection.close()  # a session that has prepared nothing
    assert claim_due(idle_request()).deliveries == []
    assert idle_claim()  # planned while no table has any rows
    publish(owners, 100)
    plan = idle_claim()
    assert LANES <= deliveries_read(plan) <= 3 * LANES * (DEPTH + 1)
    assert not [node for node in nodes(plan) if node["Node Type"] in ("Seq Scan", "Hash Join", "Merge Join")]

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
from webhooks.engine.claim import new_worker_mark
from webhooks.engine.postgresql import CLAIM, ONLY_PRESORTED
from webhooks.engine.values import CLAIM_MAX_LANES_VISITED, LANE_LEASE, LARGE_MESSAGE_BYTES, LONGEST_LANE_LEASE, NO_LANE
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


def deliveries_read() -> float:
    """How many rows a claim of all lanes takes from the table or an index of it."""
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
    statement = CLAIM.partition(ONLY_PRESORTED)[2]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{ONLY_PRESORTED}EXPLAIN (ANALYZE, FORMAT JSON) {statement}", arguments)
        while cursor.nextset():
            pass
        [[[explained]]] = cursor.fetchall()
        transaction.set_rollback(True)
    found = [node for node in nodes(explained["Plan"]) if node.get("Relation Name") == "webhooks_delivery"]
    assert found
    return float(
        sum(node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) for node in found)
    )


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
    assert LANES <= deliveries_read() <= most  # while the statistics say that nothing is pending
    analyze()
    assert LANES <= deliveries_read() <= most

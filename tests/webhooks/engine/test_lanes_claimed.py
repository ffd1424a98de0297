"""How many lanes a worker leases at once."""

import pytest
from django.db.models import Count

from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.factories import connect_webhook
from webhooks.engine.in_flight_limit import LEAST_IN_FLIGHT, MOST_IN_FLIGHT
from webhooks.engine.worker import BACKLOG_DELIVERIES, CLAIM_MIN_LANES, Worker
from webhooks.models import Lane

LANES = 80
DEEP = BACKLOG_DELIVERIES / CLAIM_MIN_LANES  # deliveries of a lane with which the fewest lanes fill the backlog


@pytest.mark.parametrize(("limit", "expected"), [(LEAST_IN_FLIGHT, CLAIM_MIN_LANES), (MOST_IN_FLIGHT, LANES)])
@pytest.mark.django_db(transaction=True)
def test_enough_lanes_are_leased_for_all_requests_that_may_be_in_flight(limit: int, expected: int) -> None:
    owners = [User.objects.create(username=f"owner-{number}") for number in range(LANES)]
    for owner in owners:
        connect_webhook(owner)
    publish_many(Draft(owner, "asset.created", {"assetId": "a"}) for owner in owners)
    worker = Worker()
    worker._depth = DEEP
    worker._attempts._limit.value = limit
    worker._claim()
    assert Lane.objects.filter(worker__isnull=False).aggregate(leased=Count("pk")) == {"leased": expected}
    worker.abandon(RuntimeError())

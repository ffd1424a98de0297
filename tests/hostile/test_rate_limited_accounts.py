"""Many accounts limit their rate and have a backlog: they wait, and other accounts do not."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.factories import connect_webhook
from tests.fakes.http_server import FakeServer
from tests.hostile.conftest import Stack
from tests.hostile.neighbour import Neighbour, assert_unharmed
from webhooks.models import Delivery

pytestmark = pytest.mark.hostile

ACCOUNTS = 24
RATE = 1.1


def test_accounts_that_wait_for_their_rate_limit_delay_no_other(stack: Stack, neighbour: Neighbour) -> None:
    quiet = neighbour.measure()
    with ExitStack() as servers:
        server = servers.enter_context(FakeServer(lambda _: (200, {}, b"")))
        owners = [User.objects.create_user(f"hostile-{number}") for number in range(ACCOUNTS)]
        for owner in owners:
            connect_webhook(owner, server.url, rateLimit=RATE)
        publish_many([Draft(owner, "asset.created", {"assetId": f"a-{n}"}) for owner in owners for n in range(100)])
        attacked = neighbour.measure()
        assert_unharmed(attacked, quiet)
        assert stack.health_seconds() < 2
    delivered = Delivery.objects.filter(owner__in=owners, status=Delivery.Status.DELIVERED)
    assert delivered.count() >= ACCOUNTS  # they are served, at their rate

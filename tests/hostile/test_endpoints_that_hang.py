"""One account connects endpoints that never answer."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.factories import connect_webhook
from tests.fakes.http_server import FakeServer, hang
from tests.hostile.conftest import Stack
from tests.hostile.neighbour import Neighbour, assert_unharmed

pytestmark = pytest.mark.hostile


def test_endpoints_that_never_answer_delay_no_other_account(stack: Stack, neighbour: Neighbour) -> None:
    quiet = neighbour.measure()
    with ExitStack() as servers:
        for number in range(12):
            owner = User.objects.create_user(f"hostile-{number}")
            connect_webhook(owner, servers.enter_context(FakeServer(lambda _: hang)).url)
            publish_many([Draft(owner, "asset.created", {"assetId": f"asset-{n}"}) for n in range(200)])
        attacked = neighbour.measure()
        assert_unharmed(attacked, quiet)
        assert stack.health_seconds() < 2

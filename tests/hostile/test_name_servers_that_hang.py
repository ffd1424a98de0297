"""Some accounts connect webhooks at names whose name servers never answer."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.factories import connect_webhook
from tests.fakes.name_server import NameServer
from tests.hostile.conftest import Stack
from tests.hostile.neighbour import Neighbour, assert_unharmed
from tests.waiting import wait_until
from webhooks.models import Attempt

pytestmark = pytest.mark.hostile

ADDRESS = "127.53.0.1"  # where no other name server listens
NAME = "neighbour.test"
ACCOUNTS = 12


def has_own_mounts() -> bool:
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    if not has_own_mounts():
        pytest.skip("a name server of one's own needs root, and a mount namespace for /etc/resolv.conf")
    with NameServer(ADDRESS, {NAME}) as server:
        yield server


@pytest.fixture
def stack(transactional_db: None, tmp_path: Path, name_server: NameServer) -> Iterator[Stack]:
    """The stack, whose processes ask the test's name server."""
    if connection.vendor != "postgresql":
        pytest.skip("the production stack needs PostgreSQL")
    configuration = tmp_path / "resolv.conf"
    configuration.write_text(f"nameserver {ADDRESS}\n")
    running = Stack(tmp_path)
    mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    running.within = ["unshare", "--mount", "sh", "-c", mount, str(configuration)]
    try:
        yield running.start()
    finally:
        running.stop()


def test_names_that_never_resolve_delay_no_other_account(stack: Stack, bob: User, name_server: NameServer) -> None:
    with Neighbour(bob, stack.port, NAME, closes=True) as neighbour:
        quiet = neighbour.measure()
        for number in range(ACCOUNTS):
            owner = User.objects.create_user(f"hostile-{number}")
            connect_webhook(owner, f"http://silent-{number}.test/hook")
            publish_many([Draft(owner, "asset.created", {"assetId": f"asset-{n}"}) for n in range(100)])
        wait_until(lambda: len(name_server.asked) > ACCOUNTS / 2, "the names are looked up")
        attacked = neighbour.measure(100)
        assert_unharmed(attacked, quiet)
        assert stack.health_seconds() < 2
        wait_until(lambda: Attempt.objects.filter(error_class="dns").exists(), "a lookup is given up")

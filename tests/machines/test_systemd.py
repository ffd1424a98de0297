"""docs/operations.md, "On a server with systemd", followed literally in a Debian with a running systemd.

The tests share a machine and leave it delivering; those of what changes it more are in test_systemd_changes.py.
"""

import re
import time
from http import HTTPStatus

from tests.machines.server import MANAGE, UNITS, Server
from tests.waiting import wait_until

ACTIVE = {"invenicum.target": "active"} | {f"invenicum-{unit}": "active" for unit in UNITS}
MOST_EXPOSURE = 2.0  # of 10; units without any protection have 9.6
STOP_SECONDS = 30.0  # `TimeoutStopSec` of the worker


def test_the_guide_ends_in_a_service_that_delivers_behind_nginx(server: Server) -> None:
    assert server.active() == ACTIVE
    server.publish("first")
    server.wait_for("first")


def test_the_guide_says_nothing_that_frightens(server: Server) -> None:
    assert not re.findall(r"(?i).*(?<![\w-])(?:warning|denied|error|failed)\b.*", server.said)


def test_the_backend_publishes_with_the_token_of_the_guide(server: Server) -> None:
    _, asset = server.request(server.alice, "/api/v1/assets", {"name": "an asset"})
    event = {"event": "report.ready", "owner": asset["data"]["createdBy"], "data": {"name": "from the backend"}}
    status, answer = server.request(server.backend, "/api/v1/events", event)
    assert status == HTTPStatus.ACCEPTED, answer
    server.wait_for("an asset", "from the backend")


def test_the_settings_are_safe_for_the_internet(server: Server) -> None:
    assert "no issues" in server.machine.run(f"{MANAGE} check --deploy --fail-level WARNING")
    status, _ = server.request(server.alice, "/metrics")
    assert status == HTTPStatus.NOT_FOUND


def test_systemd_finds_no_mistake_in_the_units(server: Server) -> None:
    units = " ".join(f"/etc/systemd/system/invenicum-{unit}.service" for unit in UNITS)
    assert server.machine.run(f"systemd-analyze verify {units} /etc/systemd/system/invenicum.target") == ""


def test_the_units_can_do_little(server: Server) -> None:
    for unit in UNITS:
        said = server.machine.run(f"systemd-analyze security --no-pager invenicum-{unit}")
        found = re.search(r"exposure level for \S+: ([\d.]+)", said)
        assert found is not None
        print(unit, found[1])
        assert float(found[1]) <= MOST_EXPOSURE, said


def test_only_root_reads_the_secrets(server: Server) -> None:
    look = "ls /etc/invenicum/secrets; cat /etc/invenicum/secrets/secret_key"
    assert len(server.machine.run(look).split()) > 5
    for user in ("invenicum", "www-data", "postgres", "redis", "nobody"):
        said = server.machine.run(f"setpriv --reuid={user} --clear-groups bash -c '{look}'", check=False)
        assert said.count("Permission denied") == 2, said


def test_a_worker_that_is_stopped_loses_nothing(server: Server) -> None:
    names = [f"stopped {number}" for number in range(300)]
    server.publish(*names)
    began = time.monotonic()
    server.machine.run("systemctl stop invenicum-worker")
    assert time.monotonic() - began < STOP_SECONDS
    assert server.show("invenicum-worker", "Result") == "success"
    server.publish("while stopped")
    server.machine.run("systemctl start invenicum-worker")
    server.wait_for(*names, "while stopped")


def test_a_worker_that_is_killed_is_started_again(server: Server) -> None:
    before = server.show("invenicum-worker", "MainPID")
    names = [f"killed {number}" for number in range(300)]
    server.publish(*names)
    server.machine.run(f"kill -KILL {before}")
    wait_until(lambda: server.show("invenicum-worker", "MainPID") not in {"0", before}, "systemd starts it again")
    server.wait_for(*names)
    assert server.show("invenicum-worker", "NRestarts") == "1"

"""What changes the server that test_systemd.py installs: a backup restored, an upgrade, a restart of the machine."""

import http.client
import re
import threading
import uuid
from functools import partial
from http import HTTPStatus

from invenicum.version import VERSION
from tests.machines import debian, guide
from tests.machines.server import PASSWORD, Server, copy_release
from tests.machines.test_systemd import ACTIVE
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until

NEXT_VERSION = f"{VERSION}.post1"
PUBLISH_SECONDS = 0.1  # between two events while the service is upgraded


def test_a_backup_is_restored_and_sends_what_was_pending(server: Server) -> None:
    server.machine.run("systemctl stop invenicum-worker")
    server.publish("pending at the time of the backup")
    backup, restore = guide.commands("operations.md", "## Backup")[:2]
    name = server.machine.run(backup).strip()
    server.publish("after the backup")
    assert server.machine.run("stat --format=%a " + name).strip() == "600"
    server.machine.run(restore.replace("/var/backups/invenicum/invenicum-….dump", name))
    server.wait_for("pending at the time of the backup")
    assert server.active() == ACTIVE
    server.wait_until_it_answers()
    server.publish("after the restore")
    server.wait_for("after the restore")
    assert "after the backup" not in server.received()


class Publisher(threading.Thread):
    """A client that publishes an event every tenth of a second, and repeats a request that failed, with its key."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.published: list[str] = []
        self._ending = threading.Event()

    def run(self) -> None:
        while not self._ending.is_set():
            name = f"upgraded {len(self.published)}"
            key = uuid.uuid4().hex
            wait_until(partial(self._publish, name, key), f"{name} is accepted")
            self.published.append(name)
            self._ending.wait(PUBLISH_SECONDS)

    def end(self) -> None:
        self._ending.set()
        self.join(WAIT_DEADLINE_SECONDS)
        assert not self.is_alive()

    def _publish(self, name: str, key: str) -> bool:
        event = {"event": "report.ready", "data": {"name": name}}
        try:
            status, _ = self.server.request(self.server.alice, "/api/v1/events", event, key)
        except (OSError, http.client.HTTPException):
            return False
        return status == HTTPStatus.ACCEPTED


def version(server: Server) -> str:
    """Of the web processes, as soon as everything works."""
    server.wait_until_it_answers()
    metrics = server.machine.run("curl --silent --fail http://127.0.0.1:8000/metrics")
    found = re.search(r'^invenicum_build_info\{.*version="([^"]+)"', metrics, re.MULTILINE)
    assert found is not None
    return found[1]


def test_an_upgrade_and_the_way_back_lose_nothing_that_a_client_publishes_meanwhile(server: Server) -> None:
    copy_release(server.machine.root / "root/next", NEXT_VERSION)
    upgrade, back = guide.commands("upgrading.md", "## With systemd")
    publisher = Publisher(server)
    publisher.start()
    server.machine.run(upgrade, folder="/root/next", variables=debian.client_variables())
    assert version(server) == NEXT_VERSION
    assert server.active() == ACTIVE
    server.machine.run(back.replace("1.0.0", VERSION))
    assert version(server) == VERSION
    assert server.active() == ACTIVE
    publisher.end()
    server.wait_for(*publisher.published)
    assert len(publisher.published) > 10  # or the test would show nothing


def test_what_was_pending_is_sent_after_a_restart_of_the_machine(server: Server) -> None:
    server.machine.run("systemctl stop invenicum-worker")
    server.publish("before the restart")
    server.machine.shut_down()
    server.machine.boot()
    server.wait_for("before the restart")
    assert server.active() == ACTIVE
    server.wait_until_it_answers()
    server.publish("after the restart")
    server.wait_for("after the restart")
    # The units are ordered: database and broker were there first, and were stopped last.
    for boot in ("-1", "0"):
        journal = server.machine.run(f"journalctl --no-pager --output=cat --unit 'invenicum-*' --boot={boot}")
        assert "Started invenicum-web" in journal
        assert not re.findall(r".*(?:Waiting for PostgreSQL|database_failed|wake_ups_not_heard).*", journal)


def test_the_service_waits_for_a_database_that_starts_late(server: Server) -> None:
    server.machine.run("systemctl stop 'invenicum*' postgresql redis-server")
    server.machine.run("systemctl start --no-block invenicum.target")
    said = "journalctl --unit invenicum-migrate --output=cat"
    wait_until(lambda: "Waiting for PostgreSQL" in server.machine.run(said), "the unit says what it waits for")
    assert server.active()["invenicum-migrate"] == "activating"
    server.machine.run("systemctl start postgresql redis-server")
    wait_until(lambda: server.active() == ACTIVE, "everything is started")
    server.wait_until_it_answers()
    server.publish("after a late database")
    server.wait_for("after a late database")


def test_no_log_has_a_traceback_or_a_secret(server: Server) -> None:
    journal = server.machine.run("journalctl --no-pager --all --output=export")  # with command lines
    assert journal.count("invenicum") > 100
    assert not re.findall(r".*Traceback.*(?:\n.*){20}", journal)
    secrets = [file.read_text().strip() for file in (server.machine.root / "etc/invenicum/secrets").iterdir()]
    assert len(secrets) > 5
    files = [file for file in (server.machine.root / "var/log").rglob("*") if file.is_file()]
    assert {"postgresql", "nginx", "redis"} <= {file.parent.name for file in files}
    for log in (journal.encode(), *(file.read_bytes() for file in files)):
        for secret in (*secrets, server.alice, server.backend, server.secret, PASSWORD):
            assert secret.encode() not in log

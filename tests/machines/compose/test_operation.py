"""What an operator does with a service under Compose: the commands of docs/operations.md and docs/upgrading.md."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from tests.machines import guide
from tests.machines.compose.client import Client
from tests.machines.compose.installation import IMAGE, OURS, Installation
from tests.machines.engine import Engine
from tests.machines.terminal import answer
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("secret")
NEW_PASSWORD = "newPasswordOf1Operator"
PAUSE_SECONDS = 0.1  # between two events of the client that publishes during an upgrade


def documented(page: str, start: str) -> list[str]:
    """The commands in the line of a page, or the item of a list, that begins with `start`."""
    text = (guide.DOCS / page).read_text()
    [line] = re.findall(rf"^{re.escape(start)}.*\n(?:  .*\n)*", text, re.MULTILINE)
    return [re.sub(r"\s+", " ", command) for command in re.findall(r"`([^`]+)`", line)]


@contextmanager
def publishing(client: Client) -> Iterator[list[str]]:
    """Publishes an event each tenth of a second, and repeats what fails. Yields the ids that were acknowledged."""
    ids: list[str] = []
    ended = threading.Event()

    def publish() -> None:
        number = 0
        while not ended.wait(PAUSE_SECONDS):
            try:
                ids.extend(client.publish(1, key=f"during-{id(ids)}-{number}"))
                number += 1
            except requests.RequestException:
                continue  # the next round repeats it with the same key

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield ids
    finally:
        ended.set()
        thread.join()


def test_a_worker_that_is_killed_while_it_delivers_loses_nothing(
    installation: Installation, engine: Engine, client: Client
) -> None:
    [command] = [each for each in documented("operations.md", "`docker compose up -d --scale") if "--scale" in each]
    installation.run(command)
    workers = {container["Id"] for container in installation.containers("worker")}
    assert len(workers) == 3
    wait_until(lambda: installation.logs("worker").count(" ready.") >= 3, "three workers are ready")
    seen = len(installation.requests())
    ids = client.publish(500)
    wait_until(lambda: len(installation.requests()) > seen + 20, "deliveries are under way")
    sender = installation.requests()[-1]["from"]
    [killed] = [each for each in workers if installation.address(each) == sender]
    engine.docker("kill", killed)
    assert set(ids) - installation.received_ids()  # or nothing was under way
    installation.wait_for_events(ids)
    installation.run(command)
    wait_until(lambda: installation.logs("worker").count(" ready.") >= 4, "the killed one is back")


def test_containers_end_in_time_and_by_themselves_and_keep_their_data(
    installation: Installation, client: Client
) -> None:
    ids = client.publish(100)
    installation.run("docker compose stop")
    ended = {
        each["Name"]: (each["State"]["ExitCode"], each["State"]["OOMKilled"]) for each in installation.containers()
    }
    assert set(ended.values()) == {(0, False)}, ended
    assert "database system is shut down" in installation.logs("postgres").splitlines()[-1]
    installation.run("docker compose up -d")
    installation.wait_for_events(ids)
    assert set(ids) <= set(client.feed())


def test_the_password_of_valkey_is_changed_as_documented(installation: Installation, client: Client) -> None:
    file = installation.folder / "secrets/valkey_password"
    old = file.read_text()
    for command in documented("operations.md", "- Valkey's password:"):
        installation.run(command)
    assert file.read_text() != old
    refused = installation.run(
        f"docker compose exec -T valkey valkey-cli --no-auth-warning -a {old.strip()} ping", check=False
    )
    assert "WRONGPASS" in refused
    installation.wait_for_events(client.publish(5))


def test_the_password_of_postgresql_is_changed_as_documented(installation: Installation, client: Client) -> None:
    old = (installation.folder / "secrets/database_url").read_text().strip()
    ask, file, *commands = documented("operations.md", "- PostgreSQL's password:")
    questions = [("Enter new password", NEW_PASSWORD), ("Enter it again", NEW_PASSWORD)]
    answer(ask, questions, installation.folder, installation.environment)
    (installation.folder / file).write_text(f"{NEW_PASSWORD}\n")
    for command in commands:
        installation.run(command)
    refused = installation.run(f"docker compose exec -T postgres psql {old} --command 'SELECT 1'", check=False)
    assert "password authentication failed" in refused
    installation.wait_for_events(client.publish(5))


def test_an_upgrade_as_documented_loses_nothing_that_a_client_publishes(
    installation: Installation, engine: Engine, client: Client
) -> None:
    before = engine.image(IMAGE)
    with (installation.folder / "manage.py").open("a") as file:
        file.write("# The next release.\n")
    commands = [each for each in documented("upgrading.md", "| Compose |") if each.startswith("docker")]
    assert len(commands) == 4
    with publishing(client) as ids:
        for command in commands:
            installation.run(command)
        published = len(ids)
        wait_until(lambda: len(ids) > published + 10, "events are published through nginx afterwards")
    after = engine.image(IMAGE)
    assert after != before
    assert {each["Image"] for each in installation.containers(*OURS)} == {after}
    assert len(ids) > 50
    installation.wait_for_events(ids)


def test_a_backup_can_be_restored_as_documented(installation: Installation, client: Client) -> None:
    (backup, restore) = guide.commands("operations.md", "## Backup", after="With Compose")[:2]
    kept = client.publish(20)
    installation.wait_for_events(kept)
    file = installation.run(backup).splitlines()[-1]
    lost = client.publish(1)
    for command in restore.splitlines():
        installation.run(command.replace("backups/invenicum-….dump", file))
    wait_until(lambda: client.ask("GET", "/signin").status_code == 200, "the service answers")
    known = set(client.feed())
    assert set(kept) <= known
    assert not set(lost) & known
    installation.wait_for_events(client.publish(5))

"""Events that concurrent requests publish are committed together: nothing of that may show. With the web server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Thread

import pytest
from django.db import connection, connections, transaction
from oauth2_provider.models import AccessToken

from invenicum.accounts.answer_store import lock
from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from invenicum.events.feed import feed
from invenicum.events.models import Event
from tests.factories import connect_webhook
from tests.faults.conftest import on_postgresql
from tests.faults.publishers import Flood, Publisher, at_once
from tests.processes import Process, environment, web
from tests.services import free_port, wait_for_port
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until
from webhooks.models import Delivery

pytestmark = on_postgresql

PUBLISHERS = 16


class Server:
    """The web server on the test's database, with the shipped number of processes."""

    def __init__(self, folder: Path):
        self.port = free_port()
        env = environment(PORT=str(self.port), DATA_DIR=str(folder / "data"))
        self.process: Process = web(env, folder / "web.log")

    def publisher(self, owner: User) -> Publisher:
        return Publisher(self.port, issue_token(owner))

    def publishers(self, owner: User, count: int) -> list[Publisher]:
        token = issue_token(owner)
        return [Publisher(self.port, token) for _ in range(count)]


@pytest.fixture(scope="module")
def shared_server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server"))
    with running.process:
        wait_for_port(running.port)
        yield running


@pytest.fixture
def server(transactional_db: None, shared_server: Server) -> Server:
    """Of all tests that leave it running."""
    return shared_server


@pytest.fixture
def own_server(transactional_db: None, tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path)
    with running.process:
        wait_for_port(running.port)
        yield running


def written() -> Counter[str]:
    """How often each published event is in the database with its delivery, by public id."""
    return Counter(delivery.event.public_id for delivery in Delivery.objects.select_related("event"))


def test_each_event_that_was_answered_survives_a_kill_exactly_once(own_server: Server, alice: User) -> None:
    connect_webhook(alice, events=["report.ready"])
    flood = Flood(own_server.port, issue_token(alice), PUBLISHERS)
    wait_until(lambda: len(flood.published) > 200, "events are published")
    own_server.process.kill()
    flood.stop()
    found = written()
    assert set(flood.published) <= set(found)
    assert set(found.values()) == {1}
    assert len(found) == Event.objects.count()
    assert len(flood.published) <= len(found) <= len(flood.published) + PUBLISHERS


def test_what_was_taken_in_when_the_server_stops_is_committed_and_answered(own_server: Server, alice: User) -> None:
    connect_webhook(alice, events=["report.ready"])
    flood = Flood(own_server.port, issue_token(alice), PUBLISHERS)
    wait_until(lambda: len(flood.published) > 200, "events are published")
    own_server.process.terminate()
    flood.stop()
    assert written() == Counter(flood.published)
    assert flood.statuses <= {202, 503}


def test_each_connection_keeps_its_order_in_the_feed(server: Server, alice: User) -> None:
    flood = Flood(server.port, issue_token(alice), PUBLISHERS)
    wait_until(lambda: len(flood.published) > 500, "events are published")
    flood.stop()
    count = len(flood.published)
    wait_until(lambda: len(feed(alice, None, count)[0]) == count, "the feed shows every event")
    numbers: dict[int, list[int]] = {}
    for event in feed(alice, None, count)[0]:
        data = event.payload["data"]
        numbers.setdefault(data["publisher"], []).append(data["n"])
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_a_token_that_is_revoked_or_whose_user_is_deactivated_is_refused_at_once(
    server: Server, alice: User, bob: User
) -> None:
    first, second = server.publisher(alice), server.publisher(bob)
    assert first.post({})[0] == second.post({})[0] == 202
    AccessToken.objects.filter(user=alice).delete()
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert first.post({})[0] == second.post({})[0] == 401
    assert Event.objects.count() == 2


def test_equal_keys_at_the_same_time_publish_once_in_any_process(server: Server, alice: User) -> None:
    connect_webhook(alice, events=["report.ready"])
    publishers = server.publishers(alice, PUBLISHERS)
    for number in range(20):
        answers = at_once([partial(each.post, {"n": number}, f"key-{number}") for each in publishers])
        assert {status for status, _ in answers} == {202}
        assert len({answer["data"]["id"] for _, answer in answers}) == 1
    assert Event.objects.count() == Delivery.objects.count() == 20


def test_a_key_with_another_body_is_refused_however_it_was_first_used(server: Server, alice: User) -> None:
    publisher = server.publisher(alice)
    assert publisher.post({"n": 1}, "one")[0] == 202
    assert publisher.post({"n": 2}, "one")[0] == 409
    large = {"text": "x" * 100_000}  # answered by Django
    first = publisher.post(large, "two")
    assert first[0] == 202
    assert publisher.post(large, "two") == first
    assert publisher.post({"n": 2}, "two")[0] == 409
    assert Event.objects.count() == 2


def test_only_the_request_fails_whose_event_the_database_refuses(server: Server, alice: User) -> None:
    publishers = server.publishers(alice, PUBLISHERS)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF NEW.body LIKE '%%poison%%' THEN RAISE EXCEPTION 'refused' USING ERRCODE = '22000'; END IF; "
            "RETURN NEW; END $$; "
            "CREATE TRIGGER refuse BEFORE INSERT ON events_event FOR EACH ROW EXECUTE FUNCTION refuse()",
            [],
        )
        try:
            for _ in range(5):
                calls = [partial(each.post, {"is": "good"}) for each in publishers[1:]]
                answers = at_once([partial(publishers[0].post, {"is": "poison"}), *calls])
                assert [status for status, _ in answers] == [500] + [202] * (PUBLISHERS - 1), answers
        finally:
            cursor.execute("DROP TRIGGER refuse ON events_event; DROP FUNCTION refuse()")
    assert Event.objects.count() == 5 * (PUBLISHERS - 1)


@pytest.mark.parametrize("what", ["the row of its account", "its key"])
def test_a_request_that_has_to_wait_for_a_lock_keeps_no_other_waiting(
    server: Server, alice: User, bob: User, what: str
) -> None:
    neighbour, waiting = server.publisher(bob), server.publisher(alice)
    answers: list[int] = []
    with transaction.atomic():
        if what == "its key":
            lock(alice.pk, "key")
        else:
            User.objects.select_for_update().get(pk=alice.pk)
        thread = Thread(target=lambda: answers.append(waiting.post({}, "key")[0]))
        thread.start()
        for number in range(20):
            assert neighbour.post({"n": number})[0] == 202
        assert not answers
    thread.join(WAIT_DEADLINE_SECONDS)
    assert answers == [202]
    connections.close_all()


def test_an_owner_who_was_not_seen_before_is_provisioned(server: Server, bob: User) -> None:
    publisher = Publisher(server.port, issue_token(bob, ["events:write", "events:publish-any"]))
    assert publisher.post({}, owner="user-456")[0] == 202
    assert publisher.post({}, owner="user-456")[0] == 202
    assert publisher.post({}, owner="user-~0123456789ab")[0] == 400
    assert Event.objects.filter(owner__account_id="456").count() == 2


def test_a_client_that_gives_up_leaves_a_whole_event_or_none(server: Server, alice: User) -> None:
    connect_webhook(alice, events=["report.ready"])
    token = issue_token(alice)
    for number in range(50):
        gone = Publisher(server.port, token)
        gone.send_and_leave({"n": number})
    assert Publisher(server.port, token).post({"n": 50})[0] == 202
    assert not Event.objects.filter(deliveries=None).exists()
    assert set(written().values()) == {1}

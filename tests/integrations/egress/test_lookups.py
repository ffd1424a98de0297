import select
import threading
from collections.abc import Iterator

import pytest

from integrations.egress.lookups import Addresses, Answers, Lookups, system_addresses
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until


class NameServer:
    """Resolves names that begin with `good`, each to its own number of asking, and others when it is released."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.released = threading.Event()

    def resolve(self, name: str) -> Addresses:
        self.asked.append(name)
        if name.startswith("good"):
            return (f"192.0.2.{len(self.asked)}",)
        assert self.released.wait(WAIT_DEADLINE_SECONDS)
        return ()


@pytest.fixture
def server() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.released.set()


@pytest.fixture
def answers() -> Iterator[Answers]:
    answers = Answers()
    yield answers
    answers.close()


def next_answers(answers: Answers) -> dict[str, Addresses]:
    assert select.select([answers.descriptor], [], [], WAIT_DEADLINE_SECONDS)[0], "no name was answered"
    return dict(answers.take())


def test_a_name_is_answered_and_remembered_for_some_seconds(server: NameServer, answers: Answers) -> None:
    lookups = Lookups(4, 4, server.resolve)
    assert lookups.ask("good", 1, answers) is None
    assert next_answers(answers) == {"good": ("192.0.2.1",)}
    wait_until(lambda: not lookups.running, "the lookup has ended")
    assert lookups.ask("good", 2, answers) == ("192.0.2.1",)
    assert server.asked == ["good"]


def test_a_name_that_many_ask_for_is_looked_up_once(server: NameServer) -> None:
    lookups = Lookups(4, 4, server.resolve)
    many = [Answers() for _ in range(5)]
    for number, answers in enumerate(many):
        assert lookups.ask("silent", number, answers) is None
    server.released.set()
    assert [next_answers(answers) for answers in many] == [{"silent": ()}] * 5
    assert server.asked == ["silent"]
    for answers in many:
        answers.close()


def test_names_of_one_account_never_occupy_more_threads_than_its_share(server: NameServer, answers: Answers) -> None:
    lookups = Lookups(8, 2, server.resolve)
    for number in range(20):
        lookups.ask(f"silent-{number}", "alice", answers)
    assert lookups.ask("good", "bob", answers) is None
    assert next_answers(answers) == {"good": ("192.0.2.3",)}
    assert sorted(server.asked) == ["good", "silent-0", "silent-1"]


def test_a_name_that_waits_behind_one_account_is_looked_up_for_another(server: NameServer, answers: Answers) -> None:
    lookups = Lookups(8, 1, server.resolve)
    lookups.ask("silent", "alice", answers)
    lookups.ask("good", "alice", answers)
    assert server.asked == ["silent"]
    lookups.ask("good", "bob", answers)
    assert next_answers(answers) == {"good": ("192.0.2.2",)}


def test_names_that_never_resolve_leave_threads_to_names_that_did(server: NameServer, answers: Answers) -> None:
    lookups = Lookups(4, 1, server.resolve)
    lookups.ask("good", "bob", answers)
    next_answers(answers)
    for number in range(20):
        lookups.ask(f"silent-{number}", f"alice-{number}", answers)
    wait_until(lambda: lookups.running == 3, "every thread for unknown names is occupied")
    lookups.ask("good-but-new", "bob", answers)
    assert "good-but-new" not in server.asked
    lookups._known["good"] = (("192.0.2.1",), 0.0)  # long ago
    lookups.ask("good", "bob", answers)
    assert set(next_answers(answers)) == {"good"}


def test_threads_that_are_free_again_take_the_names_that_waited(server: NameServer, answers: Answers) -> None:
    lookups = Lookups(2, 1, server.resolve)
    for number in range(20):
        lookups.ask(f"silent-{number}", "alice", answers)
    server.released.set()
    found: dict[str, Addresses] = {}
    while len(found) < 20:
        found |= next_answers(answers)
    wait_until(lambda: not lookups.running, "no thread is left")


def test_a_name_that_no_driver_waits_for_any_more_is_not_looked_up(server: NameServer, answers: Answers) -> None:
    lookups = Lookups(1, 1, server.resolve)
    lookups.ask("silent", None, answers)
    lookups.ask("dropped", None, answers)
    lookups.drop("dropped", answers)
    lookups.drop("silent", answers)
    server.released.set()
    wait_until(lambda: not lookups.running, "the lookup has ended")
    assert server.asked == ["silent"]


def test_an_answer_that_comes_after_its_driver_was_closed_is_dropped(server: NameServer) -> None:
    lookups, answers = Lookups(1, 1, server.resolve), Answers()
    lookups.ask("silent", None, answers)
    answers.close()
    server.released.set()
    wait_until(lambda: not lookups.running, "the lookup has ended")


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a..b", "a" * 300, "", "bü"])
def test_a_name_without_an_address_has_none_whatever_is_wrong_with_it(name: str) -> None:
    assert system_addresses(name) == ()


def test_the_system_knows_this_machine() -> None:
    assert "127.0.0.1" in system_addresses("localhost")

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from django.db import connection
from pytest_django import Settings

from invenicum.per_process import PerProcess
from tests.services import free_port
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until
from webhooks.waking import fifo, notifications, waiting_workers
from webhooks.waking.listener import Listener
from webhooks.waking.waiting_workers import WaitingWorker, wake_one_or_note_message

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="NOTIFY is PostgreSQL's")


@contextmanager
def heard_by(hear: Callable[[], Iterator[str]], send: Callable[[str], None]) -> Iterator[queue.Queue[str]]:
    """What a thread receives until the wake-up "."."""
    heard: queue.Queue[str] = queue.Queue()

    def run() -> None:
        hearing = hear()
        for what in iter(hearing.__next__, "."):
            heard.put(what)
        hearing.close()  # type: ignore[attr-defined]

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert heard.get(timeout=WAIT_DEADLINE_SECONDS) == ""
    yield heard
    send(".")
    thread.join(WAIT_DEADLINE_SECONDS)


def test_a_named_pipe_wakes_the_loop_and_never_holds_a_publisher(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    fifo.send("d")  # no loop has ever run here
    with heard_by(fifo.hear, fifo.send) as heard:
        assert fifo.path().stat().st_mode & 0o777 == 0o600
        fifo.send("d")
        assert heard.get(timeout=WAIT_DEADLINE_SECONDS) == "d"
        fifo.send("u")
        assert heard.get(timeout=WAIT_DEADLINE_SECONDS) == "u"


def test_a_full_pipe_does_not_hold_a_publisher(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    hearing = fifo.hear()
    assert next(hearing) == ""
    for _ in range(100):
        fifo.send("d" * 4096)
    assert next(hearing) == "d"


def test_what_is_no_pipe_is_not_written_to_by_the_loop(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    fifo.path().write_text("a file")
    with pytest.raises(FileExistsError):
        next(fifo.hear())


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_notification_wakes_a_loop_of_another_session() -> None:
    with heard_by(notifications.hear, notifications.send) as heard:
        notifications.send("d")
        assert heard.get(timeout=WAIT_DEADLINE_SECONDS) == "d"


def test_a_loop_that_cannot_hear_looks_often_and_hears_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhooks.waking.listener.LISTEN_RETRY_SECONDS", 0.01)
    works = threading.Event()
    asked: queue.Queue[str] = queue.Queue()

    def hear() -> Iterator[str]:
        if not works.is_set():
            raise OSError("no pipe")
        yield ""
        while True:
            yield asked.get()

    acted = threading.Event()
    listener = Listener(hear, {"u": acted.set})
    listener.wait(WAIT_DEADLINE_SECONDS, lambda: False)  # returns at once
    works.set()
    wait_until(lambda: listener.is_receiving, "it receives")
    listener.wait(WAIT_DEADLINE_SECONDS, lambda: False)  # for what it may have missed
    asked.put("u")
    assert acted.wait(WAIT_DEADLINE_SECONDS)
    for told in ("d", "what a newer release says"):
        asked.put(told)
        listener.wait(WAIT_DEADLINE_SECONDS, lambda: False)


def test_a_loop_that_waits_stops_when_it_is_told() -> None:
    def hear() -> Iterator[str]:
        yield ""
        threading.Event().wait()

    listener = Listener(hear, {})
    wait_until(lambda: listener.is_receiving, "it receives")
    listener.wait(WAIT_DEADLINE_SECONDS, lambda: False)
    stops = iter([False, True])
    listener.wait(10 * WAIT_DEADLINE_SECONDS, lambda: next(stops))


def test_a_loop_that_waits_is_woken_by_the_handler_of_a_signal() -> None:
    def hear() -> Iterator[str]:
        yield ""
        threading.Event().wait()

    listener, told = Listener(hear, {}), threading.Event()
    wait_until(lambda: listener.is_receiving, "it receives")
    listener.wait(WAIT_DEADLINE_SECONDS, lambda: False)

    def tell(number: int, frame: object) -> None:
        told.set()
        listener.wake()

    before = signal.signal(signal.SIGUSR1, tell)
    try:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        listener.wait(10 * WAIT_DEADLINE_SECONDS, lambda: False)
        assert told.is_set()
    finally:
        signal.signal(signal.SIGUSR1, before)


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_notification_that_arrives_with_the_answer_of_a_check_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhooks.waking.notifications.NOTIFICATIONS_CHECK_SECONDS", 0.0)  # checks all the time
    with heard_by(notifications.hear, notifications.send) as heard:
        for _ in range(200):
            notifications.send("d")
        assert [heard.get(timeout=WAIT_DEADLINE_SECONDS) for _ in range(200)] == ["d"] * 200


@pytest.fixture
def server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """The tests' Redis, as the broker and empty."""
    settings.CELERY_BROKER_URL = os.environ["TEST_REDIS_URL"].removesuffix("/0") + "/7"
    monkeypatch.setattr(waiting_workers, "_clients", PerProcess(waiting_workers._Client))
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as client:
        client.flushdb()
        yield client
        client.flushdb()


def test_a_worker_that_waits_is_woken_without_a_message(server: redis.Redis) -> None:
    worker = WaitingWorker()
    worker.sign_up()
    assert not wake_one_or_note_message()
    assert worker.wait(WAIT_DEADLINE_SECONDS, lambda: False)
    assert wake_one_or_note_message()  # it has not signed up again
    assert not wake_one_or_note_message()  # that message is under way
    waiting_workers.forget_message()
    assert wake_one_or_note_message()


def test_of_several_workers_that_wait_one_is_woken(server: redis.Redis) -> None:
    first, second = WaitingWorker(), WaitingWorker()
    first.sign_up()
    second.sign_up()
    assert not wake_one_or_note_message()
    assert second.wait(WAIT_DEADLINE_SECONDS, lambda: False)
    assert not first.wait(0, lambda: False)
    assert wake_one_or_note_message()


def test_a_wake_up_between_looking_and_waiting_is_kept(server: redis.Redis) -> None:
    worker = WaitingWorker()
    worker.sign_up()
    assert not wake_one_or_note_message()
    assert worker.wait(0, lambda: False)  # its time is over, and all the same it has to look


def test_a_worker_that_died_while_it_waited_is_passed_over(server: redis.Redis) -> None:
    alive, dead = WaitingWorker(), WaitingWorker()
    alive.sign_up()
    dead.sign_up()
    assert dead._subscription
    dead._subscription.close()
    wait_until(lambda: dead._channel.encode() not in server.pubsub_channels(), "the server notices")
    assert not wake_one_or_note_message()
    assert alive.wait(WAIT_DEADLINE_SECONDS, lambda: False)


def test_a_list_that_is_lost_costs_a_message(server: redis.Redis) -> None:
    worker = WaitingWorker()
    worker.sign_up()
    server.flushall()
    assert wake_one_or_note_message()
    assert worker.wait(0, lambda: False)  # it does not know whether it was woken, and looks


def test_a_worker_that_is_needed_elsewhere_signs_off(server: redis.Redis) -> None:
    worker = WaitingWorker()
    worker.sign_up()
    assert not worker.wait(WAIT_DEADLINE_SECONDS, lambda: True)
    assert wake_one_or_note_message()


def test_a_worker_that_waits_looks_when_there_is_a_sign_that_it_is_needed(server: redis.Redis) -> None:
    sign, give = os.pipe()
    worker = WaitingWorker()
    worker.sign_up()
    needed = threading.Event()

    def need() -> None:
        needed.set()
        os.write(give, b".")

    threading.Timer(0.1, need).start()
    began = time.monotonic()
    assert not worker.wait(10 * WAIT_DEADLINE_SECONDS, needed.is_set, [sign])
    assert time.monotonic() - began < WAIT_DEADLINE_SECONDS
    assert wake_one_or_note_message()


def test_a_task_that_another_process_begins_ends_no_wait(server: redis.Redis) -> None:
    sign, give = os.pipe()
    os.write(give, b".")
    worker = WaitingWorker()
    worker.sign_up()
    threading.Timer(0.3, wake_one_or_note_message).start()
    assert worker.wait(WAIT_DEADLINE_SECONDS, lambda: False, [sign])


def test_a_redis_that_is_away_keeps_no_worker_from_its_work(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{free_port()}/0"
    monkeypatch.setattr(waiting_workers, "_clients", PerProcess(waiting_workers._Client))
    worker = WaitingWorker()
    worker.sign_up()
    assert not worker.wait(WAIT_DEADLINE_SECONDS, lambda: False)


def test_a_process_that_is_no_child_of_a_worker_does_not_wait(settings: Settings) -> None:
    settings.SHARED_CACHE = True
    assert waiting_workers.this_worker() is None

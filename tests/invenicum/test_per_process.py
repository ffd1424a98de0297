import os
import threading
from concurrent.futures import ThreadPoolExecutor

from invenicum.per_process import PerProcess


class Connection:
    """Remembers the process that made it."""

    def __init__(self) -> None:
        self.pid = os.getpid()


def in_a_fork(per_process: PerProcess[Connection]) -> bool:
    """Whether a forked process gets a value of its own, and the same one each time."""
    child = os.fork()
    if child == 0:
        value = per_process.get()
        os._exit(0 if value.pid == os.getpid() and value is per_process.get() else 1)
    return os.waitpid(child, 0)[1] == 0


def test_all_threads_of_a_process_share_one_value() -> None:
    per_process = PerProcess(Connection)
    with ThreadPoolExecutor(8) as threads:
        values = list(threads.map(lambda _: per_process.get(), range(100)))
    assert len(set(map(id, values))) == 1


def test_a_forked_process_makes_its_own_and_the_parents_stays() -> None:
    per_process = PerProcess(Connection)
    mine = per_process.get()
    assert in_a_fork(per_process)
    assert per_process.get() is mine


def test_a_fork_while_another_thread_makes_the_value_does_not_block() -> None:
    began, goes_on = threading.Event(), threading.Event()

    def make() -> Connection:
        if threading.current_thread() is not threading.main_thread():
            began.set()
            goes_on.wait(60)
        return Connection()

    per_process = PerProcess(make)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(per_process.get)
        assert began.wait(60)
        assert in_a_fork(per_process)
        goes_on.set()

"""Group commit with a writer of the test's own and no database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError

from invenicum.web import group_commit
from invenicum.web.group_commit import GroupCommit, NotWritten
from invenicum.web.threads import Busy
from tests.waiting import WAIT_DEADLINE_SECONDS

Writer = Callable[[Sequence[int]], Sequence[int | None]]


class Recorder:
    """A writer that keeps the groups it was given, and waits while `gate` is closed."""

    def __init__(self, fail: Callable[[Sequence[int]], Exception | None] = lambda items: None) -> None:
        self.groups: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self._fail = fail

    def __call__(self, items: Sequence[int]) -> list[int | None]:
        assert self.gate.wait(WAIT_DEADLINE_SECONDS)
        self.groups.append(list(items))
        error = self._fail(items)
        if error:
            raise error
        return [item * 10 for item in items]


def run(write: Writer, act: Callable[[GroupCommit[int, int]], Awaitable[Any]], **limits: int) -> Any:
    group = GroupCommit[int, int](write, **({"waiting": 100, "waiting_bytes": 1000, "most": 100} | limits))

    async def bounded() -> Any:
        return await asyncio.wait_for(act(group), WAIT_DEADLINE_SECONDS)

    try:
        return asyncio.run(bounded())
    finally:
        group.close()


async def all_of(group: GroupCommit[int, int], *items: int) -> list[Any]:
    return await asyncio.gather(*(group.submit(item, 1) for item in items), return_exceptions=True)


async def taken(write: Recorder, group: GroupCommit[int, int], item: int) -> asyncio.Task[Any]:
    """A task whose item the writer holds at its closed gate, so that what follows has to wait."""
    write.gate.clear()
    task = asyncio.ensure_future(group.submit(item, 1))
    while not group._is_writing or group._waiting:
        await asyncio.sleep(0)
    return task


def test_what_is_submitted_at_once_is_written_together_in_order() -> None:
    write = Recorder()
    assert run(write, lambda group: all_of(group, 1, 2, 3)) == [10, 20, 30]
    assert write.groups == [[1, 2, 3]]


def test_what_arrives_during_a_write_is_written_together_next_and_a_group_has_a_limit() -> None:
    write = Recorder()

    async def act(group: GroupCommit[int, int]) -> Any:
        first = await taken(write, group, 1)
        rest = asyncio.ensure_future(all_of(group, 2, 3, 4))
        await asyncio.sleep(0)
        write.gate.set()
        return [await first, *await rest]

    assert run(write, act, most=2) == [10, 20, 30, 40]
    assert write.groups == [[1], [2, 3], [4]]


def test_a_group_that_fails_is_split_until_only_what_is_at_fault_fails() -> None:
    write = Recorder(lambda items: IntegrityError("no 6") if 6 in items else None)
    assert run(write, lambda group: all_of(group, *range(1, 9))) == [10, 20, 30, 40, 50, None, 70, 80]
    assert len(write.groups) <= 7


def test_a_crash_of_the_writer_is_the_fault_of_one_item_too() -> None:
    write = Recorder(lambda items: ZeroDivisionError() if 2 in items else None)
    assert run(write, lambda group: all_of(group, 1, 2, 3, 4)) == [10, None, 30, 40]


def test_a_database_that_is_away_fails_all_that_wait_after_one_try() -> None:
    write = Recorder(lambda items: OperationalError("connection refused") if 1 in items else None)

    async def act(group: GroupCommit[int, int]) -> Any:
        first = await taken(write, group, 1)
        rest = asyncio.ensure_future(all_of(group, 2, 3))
        await asyncio.sleep(0)
        write.gate.set()
        failed = [*await asyncio.gather(first, return_exceptions=True), *await rest]
        return failed, await group.submit(4, 1)

    failed, after = run(write, act)
    assert [type(one) for one in failed] == [NotWritten] * 3
    assert after == 40
    assert write.groups == [[1], [4]]


@pytest.mark.parametrize("limits", [{"waiting": 2}, {"waiting_bytes": 2}])
def test_more_than_may_wait_is_refused_at_once(limits: dict[str, int]) -> None:
    write = Recorder()
    answers = run(write, lambda group: all_of(group, 1, 2, 3), **limits)
    assert answers[:2] == [10, 20]
    assert isinstance(answers[2], Busy)


def test_what_was_answered_makes_room_again() -> None:
    async def act(group: GroupCommit[int, int]) -> Any:
        return [await all_of(group, 1, 2) for _ in range(5)]

    assert run(Recorder(), act, waiting=2) == [[10, 20]] * 5


def test_a_caller_that_gives_up_before_its_item_is_taken_leaves_nothing() -> None:
    write = Recorder()

    async def act(group: GroupCommit[int, int]) -> Any:
        first = await taken(write, group, 1)
        second, third = (asyncio.ensure_future(group.submit(item, 1)) for item in (2, 3))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        write.gate.set()
        return [await first, await third]

    assert run(write, act) == [10, 30]
    assert write.groups == [[1], [3]]


def test_what_has_waited_too_long_for_a_writer_that_hangs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "PATIENCE_SECONDS", 0.05)
    write = Recorder()

    async def act(group: GroupCommit[int, int]) -> Any:
        first = await taken(write, group, 1)
        refused = await all_of(group, 2, 3)
        write.gate.set()
        return refused, await first

    refused, first = run(write, act)
    assert [type(one) for one in refused] == [Busy, Busy]
    assert first == 10

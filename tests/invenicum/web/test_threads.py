import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from invenicum.web.threads import Busy, Threads
from tests.waiting import WAIT_DEADLINE_SECONDS


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def test_calls_return_and_raise_what_they_do() -> None:
    async def test() -> None:
        threads = Threads(2, waiting=0, patience=WAIT_DEADLINE_SECONDS)
        assert await threads.run(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 // 0)

    run(test)


def test_more_calls_than_may_wait_are_refused_until_there_is_room() -> None:
    async def test() -> None:
        threads, gate = Threads(1, waiting=1, patience=WAIT_DEADLINE_SECONDS), threading.Event()
        taken = [asyncio.create_task(threads.run(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await threads.run(lambda: None)
        gate.set()
        assert await asyncio.gather(*taken) == [True, True]
        assert await threads.run(lambda: 1) == 1

    run(test)


def test_a_call_that_waited_too_long_is_not_made() -> None:
    async def test() -> None:
        threads, gate, calls = Threads(1, waiting=1, patience=0.01), threading.Event(), list[int]()
        first = asyncio.create_task(threads.run(gate.wait))
        second = asyncio.create_task(threads.run(lambda: calls.append(1)))
        await asyncio.sleep(0.1)
        gate.set()
        await first
        with pytest.raises(Busy):
            await second
        assert calls == []

    run(test)

import asyncio
from collections.abc import Callable, Coroutine, MutableMapping
from typing import Any

import pytest

from invenicum.web import bodies
from invenicum.web.bodies import BodyMemory, ClientGone, NoRoom, TooSlow, announced_length

Message = MutableMapping[str, Any]


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


class Client:
    """Sends its pieces, and then nothing unless `is_complete`."""

    def __init__(self, *pieces: bytes, is_complete: bool = True) -> None:
        self._pieces = list(pieces)
        self._is_complete = is_complete

    async def __call__(self) -> Message:
        if not self._pieces:
            await asyncio.Event().wait()
        piece = self._pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self._pieces) or not self._is_complete}


def test_a_body_is_read_whole_up_to_its_limit() -> None:
    async def test() -> None:
        memory = BodyMemory(100)
        assert (await memory.read(Client(b"abc", b"def"), 10)).stream.read() == b"abcdef"
        assert (await memory.read(Client(b"abc", b"def", is_complete=False), 4)).stream.read() == b"abcde"

    run(test)


def test_a_client_that_leaves_or_stalls_ends_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def test() -> None:
        memory = BodyMemory(100)
        with pytest.raises(ClientGone):
            await memory.read(gone, 10)
        monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
        with pytest.raises(TooSlow):
            await memory.read(Client(b"a", is_complete=False), 10)
        assert (await memory.read(Client(b"x" * 100), 100)).stream.read() == b"x" * 100  # nothing is held of the others

    run(test)


def test_the_body_that_arrives_for_longest_makes_room_for_others() -> None:
    async def test() -> None:
        memory = BodyMemory(100)
        slow = [asyncio.create_task(memory.read(Client(b"x" * 40, is_complete=False), 100)) for _ in range(2)]
        await asyncio.sleep(0)
        quick = await memory.read(Client(b"y" * 50), 100)
        assert quick.stream.read() == b"y" * 50
        with pytest.raises(NoRoom):
            await slow[0]
        assert not slow[1].done()
        slow[1].cancel()

    run(test)


def test_bodies_of_requests_under_way_are_not_evicted() -> None:
    async def test() -> None:
        memory = BodyMemory(100)
        held = await memory.read(Client(b"x" * 80), 100)
        with pytest.raises(NoRoom):
            await memory.read(Client(b"y" * 30), 100)
        held.release()
        assert (await memory.read(Client(b"y" * 30), 100)).stream.read() == b"y" * 30

    run(test)


def test_the_announced_length_is_that_of_the_headers() -> None:
    assert announced_length([(b"host", b"h")]) == 0
    assert announced_length([(b"content-length", b"12")]) == 12
    assert announced_length([(b"transfer-encoding", b"chunked")]) is None

"""Reading a request's body on the event loop, within limits of bytes and time."""

import asyncio
import io
from collections.abc import Iterable

from .answers import Receive

# A body has this long, and a second more for each BODY_BYTES_A_SECOND that have arrived.
BODY_SECONDS = 10.0
BODY_BYTES_A_SECOND = 64 * 1024


# Of a body that is not worth reading: more than the largest hook that a proxy passes on in one piece.
UNREAD_BYTES = 32 * 1024 * 1024
UNREAD_PAUSE_SECONDS = 0.5


class BodyNotRead(Exception):
    """There is no whole body."""


class TooSlow(BodyNotRead):
    """The client sends it too slowly."""


class NoRoom(BodyNotRead):
    """Other bodies take all the memory that this process has for them."""


class ClientGone(BodyNotRead):
    """The client ended the connection."""


class Body:
    """A body that counts against its process's memory until `release` is called."""

    def __init__(self, memory: "BodyMemory", timer: asyncio.Timeout, announced: int):
        # Of the announced size, `read` returns its content without a copy. Zeros that nothing was written to cost no
        # memory.
        self.stream = io.BytesIO(bytes(announced))
        self.size = 0
        self._memory = memory
        self._timer = timer
        self._began = asyncio.get_running_loop().time()
        self.is_evicted = False

    def add(self, chunk: bytes) -> None:
        self.size += self.stream.write(chunk)
        self._timer.reschedule(self._began + BODY_SECONDS + self.size / BODY_BYTES_A_SECOND)

    def evict(self) -> None:
        """Ends the reading of this body, so that others have its memory."""
        self.is_evicted = True
        self._timer.reschedule(self._began)

    def release(self) -> None:
        self._memory.give_back(self)


class BodyMemory:
    """The bodies that one process holds, of at most `limit` bytes together. For the event loop's thread only.

    Beyond that the body that has been arriving for longest is given up: a client that sends slowly must not keep out
    those that do not.
    """

    def __init__(self, limit: int):
        self._limit = limit
        self._held = 0
        self._arriving: dict[Body, None] = {}  # the oldest first

    async def read(self, receive: Receive, limit: int, announced: int = 0) -> Body:
        """The whole body, or its first `limit` + 1 bytes if it is longer. Raises BodyNotRead.

        announced: its size if that is known, at most `limit`.
        """
        try:
            async with asyncio.timeout(BODY_SECONDS) as timer:
                body = Body(self, timer, announced)
                self._arriving[body] = None
                try:
                    await self._fill(body, receive, limit)
                except BaseException:
                    self.give_back(body)
                    raise
                finally:
                    del self._arriving[body]
        except TimeoutError:
            raise NoRoom if body.is_evicted else TooSlow from None
        body.stream.seek(0)
        return body

    async def _fill(self, body: Body, receive: Receive, limit: int) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunk = message.get("body", b"")[: limit + 1 - body.size]
            body.add(chunk)
            self._held += len(chunk)
            if self._held > self._limit:
                self._make_room(body)
            if body.size > limit or not message.get("more_body"):
                return

    def _make_room(self, wanted: Body) -> None:
        excess = self._held - self._limit
        for body in self._arriving:
            if body.is_evicted:
                excess -= body.size
            elif excess > 0:
                excess -= body.size
                body.evict()
        if wanted.is_evicted or excess > 0:
            raise NoRoom

    def give_back(self, body: Body) -> None:
        self._held -= body.size
        body.size = 0
        body.stream = io.BytesIO()


async def discard(receive: Receive) -> None:
    """Takes and forgets what a client sends without a pause, up to UNREAD_BYTES: so it can read its answer.

    TCP drops an answer on the way to a client that is still sending when its connection is closed (RFC 9112, 9.6).
    Returns at the body's end, or when the client waits for an answer. Raises ClientGone.
    """
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while size < UNREAD_BYTES:
                async with asyncio.timeout(UNREAD_PAUSE_SECONDS):
                    message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                size += len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        pass


def announced_length(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """The bytes that a request's headers announce: 0 if it has no body, None if it comes in chunks."""
    length = 0
    for name, value in headers:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = int(value)
    return length

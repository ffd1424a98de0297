"""Answers, and how they are sent to a client that may not read them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

from invenicum.api.errors import envelope
from invenicum.api.request_ids import request_id_for
from invenicum.content_policy import HEADER, NOTHING

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PIECE_BYTES = 64 * 1024
# For each piece: how long a client that reads nothing keeps the rest of its answer in memory.
ANSWER_STALL_SECONDS = 15.0
REQUEST_ID = b"x-request-id"
JSON_HEADERS = [(b"content-type", b"application/json"), (HEADER.lower().encode(), NOTHING.encode())]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client is sent: `Answer(200, [(b"content-type", b"text/plain")], b"ok")`.

    file: the path of a file that the server sends instead of `body`. rest: what follows `body`, in pieces. route: of
    the request, for metrics, e.g. `/deliveries/{delivery_id}`; empty if its address has none.
    """

    status: int
    headers: Headers
    body: bytes = b""
    file: str = ""
    rest: Iterator[bytes] | None = None
    route: str = ""


def json_answer(status: int, value: Any, headers: Headers | None = None) -> Answer:
    """An answer with `value` as JSON."""
    return Answer(status, [*JSON_HEADERS, *(headers or [])], json.dumps(value).encode())


def error_answer(status: int, code: str, message: str, retry_after: int | None = None) -> Answer:
    """The API's error envelope, for a request that Django does not see. It ends the connection.

    retry_after: seconds after which trying again makes sense.
    """
    headers = [(b"connection", b"close")]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    return json_answer(status, envelope(code, message), headers)


def with_request_id(answer: Answer, scope: Scope) -> Answer:
    """`answer` with the id of its request, for one that Django's middleware does not see."""
    given = next((value for name, value in scope["headers"] if name == REQUEST_ID), b"")
    request_id = request_id_for(given.decode("latin-1")).encode()
    return replace(answer, headers=[*answer.headers, (REQUEST_ID, request_id)])


def request_id_of(answer: Answer) -> str:
    """The id that an answer carries; empty if it has none."""
    return next((value.decode("latin-1") for name, value in answer.headers if name == REQUEST_ID), "")


async def send_answer(send: Send, answer: Answer, next_piece: Callable[[], Awaitable[bytes]] | None = None) -> None:
    """Sends the answer; gives up on a client that takes nothing for ANSWER_STALL_SECONDS.

    next_piece: returns what follows `answer.body`, and b"" at its end.
    """
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    if answer.file:
        await send({"type": "http.response.pathsend", "path": answer.file})
        return
    if len(answer.body) <= PIECE_BYTES and next_piece is None:
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})
        return
    piece = answer.body
    while piece:
        for start in range(0, len(piece), PIECE_BYTES):
            body = piece[start : start + PIECE_BYTES]
            async with asyncio.timeout(ANSWER_STALL_SECONDS):
                await send({"type": "http.response.body", "body": body, "more_body": True})
        piece = await next_piece() if next_piece else b""
    await send({"type": "http.response.body", "body": b"", "more_body": False})

"""The ASGI application that the web server calls: probes, quick handlers, and Django in threads."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import structlog

from invenicum.api.errors import CRASHED, INTERNAL_ERROR
from invenicum.tracing import Span, Tracer

from . import wsgi
from .answers import Answer, Receive, Scope, Send, error_answer, request_id_of, send_answer, with_request_id
from .bodies import BodyMemory, ClientGone, NoRoom, TooSlow, announced_length, discard
from .process import ProcessDuties, Task
from .request_counts import METHODS, RequestCounts
from .threads import Busy, Threads

# A request that no thread has taken after this time is refused: its client has often given up.
QUEUE_SECONDS = 10.0
QUEUE_REQUESTS = 512  # that wait for a thread of one process
RETRY_AFTER_SECONDS = 2

UNJUDGED_BODY_BYTES = 256 * 1024
SERVER_ERROR = 500

OVERLOADED = "OVERLOADED"
REQUEST_TIMEOUT = "REQUEST_TIMEOUT"

Result = TypeVar("Result")
Probe = Callable[[], Awaitable[Answer]]
BodyLimit = Callable[[str], int]
BodyJudge = Callable[[Scope, int], bool]
# Gets the scope and the whole body on the event loop, so it must not block. None passes the request on to Django.
Handler = Callable[[Scope, bytes], Awaitable[Answer | None]]

log = structlog.get_logger(__name__)


class Application:
    """An ASGI application.

    django: the WSGI application that answers everything else. threads: how many run it. probes: by path, answered on
    the event loop whatever the threads do. handlers: by method and path, `{("POST", "/events"): publish}`.
    body_limit: returns the most bytes that the body of a request to this path may have. judge_body: called in a thread
    before a body of more than UNJUDGED_BODY_BYTES is read, with its announced length; if it returns False, Django gets
    the request with a body that cannot be read. body_memory: the most bytes of bodies that the process holds.
    beside: what the process runs beside answering, until it ends. counts: of the requests that were answered, without
    probes. tracer: None if traces are off.
    """

    def __init__(
        self,
        django: wsgi.Application,
        *,
        threads: int,
        probes: Mapping[str, Probe],
        body_limit: BodyLimit,
        body_memory: int,
        judge_body: BodyJudge = lambda scope, length: True,
        handlers: Mapping[tuple[str, str], Handler] | None = None,
        beside: Sequence[Task] = (),
        counts: RequestCounts | None = None,
        tracer: Tracer | None = None,
    ):
        self._django = django
        self._threads = Threads(threads, QUEUE_REQUESTS, QUEUE_SECONDS)
        self._probes = probes
        self._handlers = handlers or {}
        self._body_limit = body_limit
        self._judge_body = judge_body
        self._bodies = BodyMemory(body_memory)
        self._beside = beside
        self._counts = counts or RequestCounts()
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await ProcessDuties(self._beside).run(receive, send)
            return
        probe = self._probes.get(scope["path"].rstrip("/"))
        if probe and scope["method"] in ("GET", "HEAD"):
            await send_answer(send, with_request_id(await probe(), scope))
            return
        exchange = Exchange(scope, send, self._counts)
        if self._tracer is None:
            await self._complete(exchange, receive)
        else:
            await exchange.trace(self._tracer, self._complete(exchange, receive))

    async def _complete(self, exchange: Exchange, receive: Receive) -> None:
        try:
            await self._answer(exchange, receive)
        except (ClientGone, TimeoutError):
            pass  # it sends no more, or does not read its answer
        except TooSlow:
            message = "The request's body did not arrive in time"
            await exchange.refuse(error_answer(408, REQUEST_TIMEOUT, message))
        except (Busy, NoRoom):
            message = f"Too many requests at once: try again in {RETRY_AFTER_SECONDS} seconds"
            await exchange.refuse(error_answer(503, OVERLOADED, message, RETRY_AFTER_SECONDS))

    async def _answer(self, exchange: Exchange, receive: Receive) -> None:
        scope = exchange.scope
        length, limit = announced_length(scope["headers"]), self._body_limit(scope["path"])
        if length == 0:
            await self._answer_body(exchange, io.BytesIO())
        elif not await self._is_worth_reading(scope, length or 0, limit):
            await discard(receive)
            await self._ask_django(exchange, wsgi.Unread(limit))
        else:
            body = await self._bodies.read(receive, limit, length or 0)
            try:
                await self._answer_body(exchange, body.stream)
            finally:
                body.release()

    async def _is_worth_reading(self, scope: Scope, length: int, limit: int) -> bool:
        if length <= UNJUDGED_BODY_BYTES or length > limit:
            return length <= limit
        return await self._threads.run(lambda: self._judge_body(scope, length))

    async def _answer_body(self, exchange: Exchange, body: io.BytesIO) -> None:
        handler = self._handlers.get((exchange.scope["method"], exchange.scope["path"]))
        if handler:
            answer = await handler(exchange.scope, body.getvalue())
            if answer:
                await exchange.answer(answer)
                return
        await self._ask_django(exchange, body)

    async def _ask_django(self, exchange: Exchange, body: io.BytesIO | wsgi.Unread) -> None:
        try:
            answer = await self._threads.run(exchange.within(lambda: wsgi.call(self._django, exchange.scope, body)))
        except (Busy, asyncio.CancelledError):
            raise
        except Exception:
            answer = with_request_id(error_answer(500, INTERNAL_ERROR, CRASHED), exchange.scope)
            log.exception("request_crashed", path=exchange.scope["path"], request_id=request_id_of(answer))
        rest = answer.rest
        if rest is None:
            await exchange.answer(answer)
            return
        try:
            await exchange.answer(answer, lambda: self._threads.run(lambda: next(rest, b"")))
        finally:
            await self._threads.run(rest.close)  # type: ignore[attr-defined]  # a generator


class Exchange:
    """One request and its answer."""

    __slots__ = ("_began_at", "_counts", "_send", "_span", "scope")

    def __init__(self, scope: Scope, send: Send, counts: RequestCounts):
        self.scope = scope
        self._send = send
        self._counts = counts
        self._began_at = time.perf_counter()
        self._span: Span | None = None

    async def answer(self, answer: Answer, next_piece: Callable[[], Awaitable[bytes]] | None = None) -> None:
        """Counts the answer and sends it, as `send_answer` does."""
        method = self.scope["method"]
        self._counts.count(method, answer.route, answer.status, time.perf_counter() - self._began_at)
        if self._span:
            error = f"HTTP {answer.status}" if answer.status >= SERVER_ERROR else ""
            attributes: dict[str, str | int] = {
                "http.route": answer.route,
                "http.response.status_code": answer.status,
                "invenicum.request_id": request_id_of(answer),
            }
            self._span.end(f"{method} {answer.route}".strip(), error=error, attributes=attributes)
        await send_answer(self._send, answer, next_piece)

    async def trace(self, tracer: Tracer, complete: Awaitable[None]) -> None:
        """Awaits `complete` within a span, which ends with the answer. Hooks begin a trace: strangers send them."""
        scope = self.scope
        given = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")
        parent = "" if scope["path"].startswith("/webhooks/") else given
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        span = self._span = tracer.begin(method, "server", parent, {"http.request.method": method})
        try:
            with span.current():
                await complete
        finally:
            span.end()  # without an answer, if it has not ended: the client has gone

    def within(self, call: Callable[[], Result]) -> Callable[[], Result]:
        """`call`, to be called in a thread, within the span if there is one."""
        span = self._span
        return call if span is None else partial(span.run, call)

    async def refuse(self, answer: Answer) -> None:
        """Sends an answer that neither Django nor a handler has made."""
        await self.answer(with_request_id(answer, self.scope))

"""Traces for OpenTelemetry. Nothing of it is imported or done unless OTEL_EXPORTER_OTLP_ENDPOINT is set.

Between processes a place in a trace is a text, as in the header `traceparent`
(https://www.w3.org/TR/trace-context/#traceparent-header): `00-<trace id>-<span id>-01`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, TypeVar

from django.conf import settings

from .per_process import PerProcess
from .version import VERSION

# Version 00 only: https://www.w3.org/TR/trace-context/#versioning-of-traceparent
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
FLUSH_MILLISECONDS = 2000
EXPORT_SECONDS = 5

Attributes = Mapping[str, str | int]
Kind = Literal["server", "client"]
Result = TypeVar("Result")

_current: ContextVar[str] = ContextVar("traceparent", default="")


def is_traceparent(text: str) -> bool:
    return _TRACEPARENT.fullmatch(text) is not None


def current() -> str:
    """The place in a trace of what this thread or task does; empty if there is none."""
    return _current.get()


class Span:
    """One step of a trace, begun when it is made. `traceparent` is its place, for the steps within it."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: Any):
        self._span = span
        context = span.get_span_context()
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"

    @contextmanager
    def current(self) -> Iterator[None]:
        """Inside the block this span is what `current()` returns."""
        token = _current.set(self.traceparent)
        try:
            yield
        finally:
            _current.reset(token)

    def run(self, call: Callable[[], Result]) -> Result:
        """What `call` returns, called with this span as `current()`."""
        with self.current():
            return call()

    def end(self, name: str = "", *, error: str = "", attributes: Attributes | None = None) -> None:
        """Ends it, once; later calls do nothing. name: in place of the first one. error: a sentence, if it failed."""
        from opentelemetry.trace import Status, StatusCode

        if not self._span.is_recording():  # it has ended, or is not sampled
            return
        if name:
            self._span.update_name(name)
        self._span.set_attributes(dict(attributes or {}))
        if error:
            self._span.set_status(Status(StatusCode.ERROR, error))
        self._span.end()


class Tracer:
    """Makes spans and sends them to the collector in the background. For the process that made it."""

    def __init__(self, endpoint: str, headers: str):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.util.re import parse_env_headers

        # OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES and OTEL_TRACES_SAMPLER are read by the SDK.
        resource = Resource.create({"service.name": settings.OTEL_SERVICE_NAME, "service.version": VERSION})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces",
            headers=parse_env_headers(headers, liberal=True),
            timeout=EXPORT_SECONDS,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("invenicum", VERSION)

    def begin(self, name: str, kind: Kind, parent: str = "", attributes: Attributes | None = None) -> Span:
        """Begins a span. parent: the place of the step that it is within; without one, a trace begins."""
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier = {"traceparent": parent} if is_traceparent(parent) else {}
        context = TraceContextTextMapPropagator().extract(carrier, Context())
        return Span(self._tracer.start_span(name, context, SpanKind[kind.upper()], dict(attributes or {})))

    def flush(self) -> None:
        """Sends what has ended, within FLUSH_MILLISECONDS."""
        self._provider.force_flush(FLUSH_MILLISECONDS)

    def close(self) -> None:
        """Ends its thread."""
        self._provider.shutdown()


def _make() -> Tracer | None:
    endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT
    return Tracer(endpoint, settings.OTEL_EXPORTER_OTLP_HEADERS) if endpoint else None


_tracers = PerProcess(_make)


def tracer() -> Tracer | None:
    """This process's tracer; None if traces are off. Kept by those for whom a microsecond counts."""
    return _tracers.get()


def close() -> None:
    """Ends this process's tracer: the next one who asks gets a new one. For tests."""
    if made := _tracers.get():
        made.close()
    _tracers.forget()


def flush() -> None:
    """To be called before a process ends."""
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT and (made := _tracers.get()):
        made.flush()

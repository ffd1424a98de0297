"""Traces of deliveries: a span for each attempt, within the trace of the request that published its event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from invenicum.tracing import Span, Tracer

from .values import Claimed, DeliveryId, Group, Outcome


class DeliveryTraces:
    """The spans of one worker's attempts in flight. Made only if traces are on."""

    def __init__(self, tracer: Tracer):
        self._tracer = tracer
        self._spans: dict[DeliveryId, Span] = {}

    def begin(self, claimed: Claimed | Group, integration_type: str) -> Claimed | Group:
        """Begins a span for each delivery. Returns them with messages that tell receivers the place in the trace."""
        if isinstance(claimed, Group):
            return replace(claimed, deliveries=[self._begin(each, integration_type) for each in claimed.deliveries])
        return self._begin(claimed, integration_type)

    def _begin(self, claimed: Claimed, integration_type: str) -> Claimed:
        message = claimed.message
        span = self._tracer.begin(
            f"deliver {message.name}",
            "client",
            message.traceparent,
            {
                "invenicum.event": message.id,
                "invenicum.delivery": message.delivery,
                "invenicum.integration": claimed.integration_id,
                "invenicum.type": integration_type,
                "invenicum.attempt": claimed.attempt_count + 1,
            },
        )
        self._spans[claimed.id] = span
        return replace(claimed, message=replace(message, traceparent=span.traceparent))

    def end(self, deliveries: Sequence[Claimed], outcome: Outcome | None = None) -> None:
        """Ends the spans of deliveries; without an outcome it was no attempt, or its worker gave it up."""
        for delivery in deliveries:
            span = self._spans.pop(delivery.id, None)
            if span is None:
                continue
            attributes: dict[str, str | int] = {"invenicum.outcome": outcome.status if outcome else "none"}
            if outcome and outcome.status_code is not None:
                attributes["http.response.status_code"] = outcome.status_code
            if outcome and outcome.error_class:
                attributes["error.type"] = outcome.error_class
            span.end(error=outcome.error if outcome else "", attributes=attributes)

    def clear(self) -> None:
        """Ends what is left, without an outcome."""
        for span in self._spans.values():
            span.end(attributes={"invenicum.outcome": "none"})
        self._spans.clear()

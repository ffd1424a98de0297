"""The delivery API, described for OpenAPI."""

from typing import Any, Literal

from drf_spectacular.utils import OpenApiParameter, extend_schema

from integrations.core.errors import ErrorClass
from invenicum.api.openapi import PAGE_PARAMETERS, Answer, PageAnswer, Shape

StatusName = Literal["pending", "delivered", "failed", "cancelled"]


class DeliveryShape(Shape):
    id: str
    type: str
    event: str
    event_id: str
    status: StatusName
    attempt_count: int
    created_at: str
    next_attempt_at: str | None
    finished_at: str | None
    error: Literal["WEBHOOK_DELIVERY_FAILED"] | None
    message: str | None


class AttemptShape(Shape):
    number: int
    started_at: str
    duration_ms: int
    status_code: int | None
    error_class: ErrorClass | None
    error: str | None
    response_excerpt: str | None


class DeliveryDetail(DeliveryShape):
    payload: dict[str, Any]
    attempts: list[AttemptShape]


class FateShape(Shape):
    type: str
    outcome: Literal["pending", "delivered", "failed", "cancelled", "not_sent"]
    reason: str | None
    delivery_id: str | None
    waits_until: str | None


class EventDetail(Shape):
    id: str
    event: str
    timestamp: str
    data: dict[str, Any]
    created_at: str
    integrations: list[FateShape]


class HealthShape(Shape):
    circuit: Literal["closed", "open", "half_open"]
    failures_in_a_row: int
    held_until: str | None
    failing_since: str | None
    pending: int
    waiting: int
    oldest_pending: str | None


class ReplayStarted(Shape):
    id: str | None
    count: int


class ReplayShape(Shape):
    id: str
    type: str
    state: Literal["queueing", "queued", "cancelled"]
    count: int
    queued: int
    pending: int
    delivered: int
    failed: int
    cancelled: int


_moment = {"type": "string", "format": "date-time"}
_statuses = {"type": "string", "enum": ["pending", "delivered", "failed", "cancelled"]}

deliveries_schema = extend_schema(
    operation_id="listDeliveries",
    summary="The delivery log, newest first",
    parameters=[
        OpenApiParameter("type", {"type": "string"}, description="The type of the integration."),
        OpenApiParameter("status", _statuses),
        OpenApiParameter("event", {"type": "string"}, description="The name of the event."),
        OpenApiParameter("since", _moment, description="Created at this moment or later."),
        OpenApiParameter("until", _moment, description="Created before this moment."),
        *PAGE_PARAMETERS,
    ],
    responses=PageAnswer[DeliveryShape],
)
delivery_schema = extend_schema(
    operation_id="readDelivery", summary="One delivery with its payload and attempts", responses=Answer[DeliveryDetail]
)
retry_schema = extend_schema(
    operation_id="retryDelivery", summary="Queue a delivery again", request=None, responses={202: Answer[DeliveryShape]}
)
health_schema = extend_schema(
    operation_id="readHealth", summary="How deliveries to an integration fare", responses=Answer[HealthShape]
)
ping_schema = extend_schema(
    operation_id="pingIntegration", summary="Send a ping", request=None, responses={202: Answer[DeliveryShape]}
)
replay_schema = extend_schema(
    operation_id="replayDeliveries",
    summary="Queue again what ended in a time range",
    request={
        "application/json": {
            "type": "object",
            "required": ["since"],
            "properties": {
                "since": _moment,
                "until": _moment,
                "status": {"type": "array", "minItems": 1, "items": _statuses},
                "dryRun": {"type": "boolean"},
            },
            "additionalProperties": False,
        }
    },
    responses={202: Answer[ReplayStarted]},
)
event_schema = extend_schema(
    operation_id="readEvent",
    summary="One event, and what became of it at each integration",
    responses=Answer[EventDetail],
)
replay_detail_schema = extend_schema(
    operation_id="readReplay", summary="How far a replay is", responses=Answer[ReplayShape]
)
replay_cancel_schema = extend_schema(
    operation_id="cancelReplay",
    summary="Stop a replay and cancel what it left pending",
    responses={200: Answer[ReplayShape]},
)

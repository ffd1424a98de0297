"""The delivery API: the log, one delivery with its attempts, and what can be done with them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import Http404
from pydantic import ConfigDict, Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations.views import IntegrationView
from invenicum.accounts.authentication import current_user
from invenicum.api.bodies import Body, Says, Timestamp, read
from invenicum.api.pagination import paginate
from invenicum.api.responses import answer
from invenicum.api.serializers import shared
from invenicum.api.throttling import OutgoingThrottle
from invenicum.events.models import Event
from invenicum.events.serializers import EventSerializer
from invenicum.ids import parse_public_id
from invenicum.timestamps import format_timestamp

from . import replays, services
from .event_status import Fate, fates
from .models import Attempt, Delivery, Replay
from .schema import (
    deliveries_schema,
    delivery_schema,
    event_schema,
    health_schema,
    ping_schema,
    replay_cancel_schema,
    replay_detail_schema,
    replay_schema,
    retry_schema,
)

StatusName = Literal["pending", "delivered", "failed", "cancelled"]
Text = Annotated[str, Field(pattern=r"^[^\x00]*$"), Says("must hold no NUL character")]


class DeliveryFilter(Body):
    """The query of the delivery log."""

    model_config = ConfigDict(strict=False)

    type: Text | None = None
    status: StatusName | None = None
    event: Text | None = None
    since: Timestamp | None = None
    until: Timestamp | None = None
    cursor: str | None = None
    limit: str | None = None

    def lookups(self) -> dict[str, Any]:
        """The filters that were given, as Django names them."""
        wanted = {
            "integration__type": self.type,
            "status": self.status,
            "event__name": self.event,
            "created_at__gte": self.since,
            "created_at__lt": self.until,
        }
        return {lookup: value for lookup, value in wanted.items() if value is not None}


class ReplayBody(Body):
    model_config = ConfigDict(strict=False)

    since: Timestamp
    until: Timestamp | None = None
    status: list[StatusName] = Field(default=["failed"], min_length=1)
    dry_run: bool = False


class DeliveryListView(APIView):
    required_scopes = "deliveries:read"

    @deliveries_schema
    def get(self, request: Request) -> Response:
        query = read(DeliveryFilter, request.query_params.dict())
        deliveries = Delivery.objects.filter(owner=current_user(request), **query.lookups())
        page = paginate(request, deliveries.select_related("event", "integration").defer("integration__secrets"))
        return page.answer(request, [present(delivery) for delivery in page.rows])


class DeliveryDetailView(APIView):
    required_scopes = "deliveries:read"

    @delivery_schema
    def get(self, request: Request, delivery_id: str) -> Response:
        delivery = find(request, delivery_id)
        return answer(
            present(delivery)
            | {
                "payload": delivery.event.payload,
                "attempts": [present_attempt(number, item) for number, item in enumerate(delivery.attempts.all(), 1)],
            }
        )


class EventDetailView(APIView):
    required_scopes = "deliveries:read"

    @event_schema
    def get(self, request: Request, event_id: str) -> Response:
        key = parse_public_id("evt", event_id)
        event = Event.objects.filter(pk=key, owner=current_user(request)).first() if key else None
        if event is None:
            raise Http404
        return answer(
            shared(EventSerializer).to_representation(event)
            | {"integrations": [present_fate(fate) for fate in fates(event)]}
        )


class RetryView(IntegrationView):
    required_scopes = "deliveries:write"

    @retry_schema
    def post(self, request: Request, delivery_id: str) -> Response:
        services.retry(find(request, delivery_id))
        return answer(present(find(request, delivery_id)), status=202)


class HealthView(IntegrationView):
    required_scopes = "deliveries:read"

    @health_schema
    def get(self, request: Request, integration_type: str) -> Response:
        health = services.health(current_user(request), integration_type)
        return answer(
            {
                "circuit": health.circuit,
                "failuresInARow": health.failures,
                "heldUntil": _moment(health.held_until),
                "failingSince": _moment(health.failing_since),
                "pending": health.pending,
                "waiting": health.waiting,
                "oldestPending": _moment(health.oldest_pending),
            }
        )


class PingView(IntegrationView):
    throttle_classes = [OutgoingThrottle]

    @ping_schema
    def post(self, request: Request, integration_type: str) -> Response:
        return answer(present(services.ping(current_user(request), integration_type)), status=202)


class ReplayView(IntegrationView):
    required_scopes = "deliveries:write"

    @replay_schema
    def post(self, request: Request, integration_type: str) -> Response:
        body = read(ReplayBody, request.data)
        wanted = (current_user(request), integration_type, body.since, body.until, body.status)
        if body.dry_run:
            return answer({"id": None, "count": replays.count(*wanted)}, status=202)
        replay = replays.start(*wanted)
        return answer({"id": replay.public_id, "count": replay.total}, status=202)


class ReplayDetailView(APIView):
    required_scopes = {"GET": "deliveries:read", "DELETE": "deliveries:write"}

    @replay_detail_schema
    def get(self, request: Request, replay_id: str) -> Response:
        return answer(present_replay(find_replay(request, replay_id)))

    @replay_cancel_schema
    def delete(self, request: Request, replay_id: str) -> Response:
        replays.cancel(find_replay(request, replay_id))
        return answer(present_replay(find_replay(request, replay_id)))


def find(request: Request, delivery_id: str) -> Delivery:
    """The caller's delivery of this public id. Raises Http404."""
    key = parse_public_id("dlv", delivery_id)
    rows = Delivery.objects.select_related("event", "integration").defer("integration__secrets")
    delivery = rows.filter(pk=key, owner=current_user(request)).first() if key else None
    if delivery is None:
        raise Http404
    return delivery


def find_replay(request: Request, replay_id: str) -> Replay:
    """The caller's replay of this public id. Raises Http404."""
    key = parse_public_id("rpl", replay_id)
    replays_of_caller = Replay.objects.select_related("integration").filter(owner=current_user(request))
    replay = replays_of_caller.filter(pk=key).first() if key else None
    if replay is None:
        raise Http404
    return replay


def present_replay(replay: Replay) -> dict[str, Any]:
    progress = replays.progress(replay)
    return {
        "id": replay.public_id,
        "type": replay.integration.type,
        "state": "cancelled" if replay.cancelled_at else "queued" if replay.finished_at else "queueing",
        "count": replay.total,
        "queued": progress.queued,
        **{status: progress.statuses.get(status, 0) for status in Delivery.Status.values},
    }


def present_fate(fate: Fate) -> dict[str, Any]:
    return {
        "type": fate.integration.type,
        "outcome": fate.outcome,
        "reason": fate.reason or None,
        "deliveryId": fate.delivery.public_id if fate.delivery else None,
        "waitsUntil": _moment(fate.waits_until),
    }


def present(delivery: Delivery) -> dict[str, Any]:
    """A delivery as the log shows it."""
    failed = delivery.status == Delivery.Status.FAILED
    return {
        "id": delivery.public_id,
        "type": delivery.integration.type,
        "event": delivery.event.name,
        "eventId": delivery.event.public_id,
        "status": delivery.status,
        "attemptCount": delivery.attempt_count,
        "createdAt": format_timestamp(delivery.created_at),
        "nextAttemptAt": _moment(delivery.due_at),
        "finishedAt": _moment(delivery.finished_at),
        "error": "WEBHOOK_DELIVERY_FAILED" if failed else None,
        "message": delivery.error or None,
    }


def present_attempt(number: int, attempt: Attempt) -> dict[str, Any]:
    return {
        "number": number,
        "startedAt": format_timestamp(attempt.started_at),
        "durationMs": attempt.duration_ms,
        "statusCode": attempt.status_code,
        "errorClass": attempt.error_class or None,
        "error": attempt.error or None,
        "responseExcerpt": attempt.response_excerpt or None,
    }


def _moment(value: datetime | None) -> str | None:
    return format_timestamp(value) if value else None

"""The delivery API: the log, the status of one event, and sending again."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from integrations import api_errors
from integrations.viewsets import IntegrationApiViewSet
from invenicum.accounts.authentication import current_user
from invenicum.accounts.idempotency import idempotent
from invenicum.api.envelopes import answer_of, page_of
from invenicum.api.errors import ApiError, invalid
from invenicum.api.openapi import PAGE_PARAMETERS
from invenicum.api.throttling import BackfillThrottle, OutgoingThrottle
from invenicum.api.viewsets import PublicIdViewSet
from invenicum.events.models import Event

from . import backfills, replays, services
from .models import Delivery, Replay
from .serializers import (
    BackfillSerializer,
    DeliveryDetailSerializer,
    DeliveryFilterSerializer,
    DeliverySerializer,
    EventDetailSerializer,
    HealthSerializer,
    NewBackfillSerializer,
    NewReplaySerializer,
    ReplaySerializer,
    StartedReplaySerializer,
)

# The columns that DeliverySerializer reads. The other ones of events and integrations are large.
DELIVERY_LOG_COLUMNS = (
    "status",
    "attempt_count",
    "held_attempt_count",
    "created_at",
    "due_at",
    "finished_at",
    "error",
    "backfilled",
    "event__name",
    "integration__type",
    "integration__problem",
    "integration__problem_fault",
)


class DeliveryViewSet(PublicIdViewSet):
    """The caller's deliveries."""

    serializer_class = DeliverySerializer
    required_scopes = "deliveries:read"
    public_id_prefix = "dlv"
    lookup_url_kwarg = "delivery_id"

    def get_queryset(self) -> QuerySet[Delivery]:
        deliveries = Delivery.objects.filter(owner=current_user(self.request))
        return deliveries.select_related("event", "integration").defer("integration__secrets")

    def api_error(self, error: Exception) -> ApiError | None:
        return api_errors.api_error(error) or super().api_error(error)

    @extend_schema(
        operation_id="listDeliveries",
        summary="The delivery log, newest first",
        parameters=[DeliveryFilterSerializer, *PAGE_PARAMETERS],
        responses=page_of(DeliverySerializer),
    )
    def list(self, request: Request) -> Response:
        """Your deliveries. Filters can be combined; `next` has the address of the next page."""
        filters = self.read_query(DeliveryFilterSerializer)
        return self.page(self.get_queryset().filter(**filters).only(*DELIVERY_LOG_COLUMNS))

    @extend_schema(
        operation_id="readDelivery",
        summary="One delivery with its payload and attempts",
        responses=answer_of(DeliveryDetailSerializer),
    )
    def retrieve(self, request: Request, delivery_id: str) -> Response:
        """`payload` is what was published. Each attempt has the beginning of the response to it."""
        return self.answer(self.get_object(), DeliveryDetailSerializer)

    @extend_schema(
        operation_id="retryDelivery",
        summary="Queue a delivery again",
        request=None,
        responses={202: answer_of(DeliverySerializer)},
    )
    @action(detail=True, methods=["post"], required_scopes="deliveries:write", never_cached=True)
    @idempotent
    def retry(self, request: Request, delivery_id: str) -> Response:
        """Whatever its status, it is sent again now, or once its integration is active."""
        services.retry(self.get_object())
        return self.answer(self.get_object(), status=202)


class EventDetailViewSet(PublicIdViewSet):
    """The caller's events, each with what became of it. Publishing events and their feed are in `invenicum.events`."""

    required_scopes = "deliveries:read"
    public_id_prefix = "evt"
    lookup_url_kwarg = "event_id"

    def get_queryset(self) -> QuerySet[Event]:
        return Event.objects.filter(owner=current_user(self.request))

    @extend_schema(
        operation_id="readEvent",
        summary="One event, with its status at each integration",
        responses=answer_of(EventDetailSerializer),
    )
    def retrieve(self, request: Request, event_id: str) -> Response:
        """At each of your integrations: delivered, waiting (until when and why), or why it was not sent."""
        return self.answer(self.get_object(), EventDetailSerializer)


class IntegrationDeliveriesViewSet(IntegrationApiViewSet):
    """The deliveries of one of the caller's integrations: their health, a ping, and sending again."""

    required_scopes = {"GET": "deliveries:read", "POST": "deliveries:write"}

    @extend_schema(
        operation_id="readHealth",
        summary="The health of an integration's deliveries",
        responses=answer_of(HealthSerializer),
    )
    @action(detail=True)
    def health(self, request: Request, integration_type: str) -> Response:
        """The state of its circuit breaker, and how many deliveries are pending."""
        return self.answer(services.health(current_user(request), integration_type), HealthSerializer)

    @extend_schema(
        operation_id="pingIntegration",
        summary="Send a ping",
        request=None,
        responses={202: answer_of(DeliverySerializer)},
    )
    @action(detail=True, methods=["post"], required_scopes="integrations:write", throttle_classes=[OutgoingThrottle])
    @idempotent
    def ping(self, request: Request, integration_type: str) -> Response:
        """Publishes a `ping` event to this integration only, and answers with its delivery."""
        return self.answer(services.ping(current_user(request), integration_type), DeliverySerializer, 202)

    @extend_schema(
        operation_id="replayDeliveries",
        summary="Queue the deliveries of a time range again",
        request=NewReplaySerializer,
        responses={202: answer_of(StartedReplaySerializer)},
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def replay(self, request: Request, integration_type: str) -> Response:
        """The deliveries created in [`since`, `until`) that have one of the statuses. `dryRun` only counts them."""
        values, user = self.read(request.data, NewReplaySerializer), current_user(request)
        if values.pop("dry_run"):
            count = replays.count(user, integration_type, **values)
            return self.answer({"public_id": None, "total": count}, StartedReplaySerializer, 202)
        return self.answer(replays.start(user, integration_type, **values), StartedReplaySerializer, 202)

    @extend_schema(
        operation_id="backfillIntegration",
        summary="Send what an integration missed, or the assets that exist",
        request=NewBackfillSerializer,
        responses={200: answer_of(BackfillSerializer), 202: answer_of(BackfillSerializer)},
    )
    @action(detail=True, methods=["post"], throttle_classes=[BackfillThrottle])
    @idempotent
    def backfill(self, request: Request, integration_type: str) -> Response:
        """`missed`: the events of the range that its subscriptions select and for which it has no delivery, because it
        was paused, disabled, not subscribed or not connected yet. No event is delivered to it twice.

        `existing`: the assets created in the range, for storage services, Git platforms and custom webhooks, which
        get an `asset.created` with `"snapshot": true`. Live events go first.

        `dryRun` only counts (200). One that runs (202) is watched and cancelled at `/replays/:id`."""
        values, user = self.read(request.data, NewBackfillSerializer), current_user(request)
        if values.pop("dry_run"):
            return self.answer(backfills.plan(user, integration_type, **values), BackfillSerializer)
        return self.answer(backfills.start(user, integration_type, **values), BackfillSerializer, 202)

    def api_error(self, error: Exception) -> ApiError | None:
        if isinstance(error, backfills.NotPossible):
            return invalid({"what": [str(error)]}, str(error))
        return super().api_error(error)


class ReplayViewSet(PublicIdViewSet):
    """The caller's replays and backfills."""

    serializer_class = ReplaySerializer
    required_scopes = {"GET": "deliveries:read", "DELETE": "deliveries:write"}
    public_id_prefix = "rpl"
    lookup_url_kwarg = "replay_id"

    def get_queryset(self) -> QuerySet[Replay]:
        return Replay.objects.with_progress().filter(owner=current_user(self.request))

    @extend_schema(
        operation_id="readReplay", summary="The progress of a replay or backfill", responses=answer_of(ReplaySerializer)
    )
    def retrieve(self, request: Request, replay_id: str) -> Response:
        """`queued` of `count` deliveries have been queued again; the statuses say what became of these."""
        return self.answer(self.get_object())

    @extend_schema(
        operation_id="cancelReplay",
        summary="Stop a replay or backfill and cancel its pending deliveries",
        responses={200: answer_of(ReplaySerializer)},
    )
    def destroy(self, request: Request, replay_id: str) -> Response:
        """One whose deliveries have all ended stays as it is."""
        replays.cancel(self.get_object())
        return self.answer(self.get_object())

from collections.abc import Mapping

from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from invenicum.accounts.authentication import current_access, current_user
from invenicum.accounts.idempotency import idempotent
from invenicum.accounts.scopes import PUBLISH, PUBLISH_ANY
from invenicum.api.envelopes import answer_of, page_of
from invenicum.api.errors import PAYLOAD_TOO_LARGE, ApiError, invalid, over_quota
from invenicum.api.openapi import LIMIT_PARAMETER, Error
from invenicum.api.pagination import read_limit
from invenicum.api.viewsets import ApiViewSet
from invenicum.ids import parse_public_id
from invenicum.quotas import QuotaExceeded

from . import services
from .feed import UnknownPlace, feed
from .publish import MAX_EVENT_BYTES, EventsTooLarge
from .serializers import EventSerializer, NewEventSerializer, NewEventsSerializer, PublishedEventSerializer

AFTER_PARAMETER = OpenApiParameter(
    "after",
    {"type": "string", "pattern": "^evt_[0-9a-fA-F]{32}$"},
    description="The id of the last event that you have seen.",
)


class EventViewSet(ApiViewSet):
    """The caller's events: publishing, and the feed."""

    serializer_class = EventSerializer
    required_scopes = {"GET": "deliveries:read", "POST": PUBLISH}
    pagination_class = None  # the feed goes forward, from one event to the next

    def api_error(self, error: Exception) -> ApiError | None:
        match error:
            case services.OwnersRefused(problems=problems):
                at = "events.{}.owner" if "events" in self.request.data else "owner"
                return invalid({at.format(place): [problem] for place, problem in problems.items()})
            case EventsTooLarge(sizes=sizes):
                at = "events.{}.data" if "events" in self.request.data else "data"
                details = {at.format(place): [f"makes an event of {size} bytes"] for place, size in sizes.items()}
                return ApiError(413, PAYLOAD_TOO_LARGE, f"An event can have {MAX_EVENT_BYTES} bytes", details)
            case QuotaExceeded(places=places) if places:
                return over_quota(error, {f"events.{place}": [error.message] for place in places})
            case UnknownPlace():
                return invalid({"after": ["is not one of your events, or not in the feed yet"]})
        return super().api_error(error)

    @extend_schema(
        operation_id="readFeed",
        summary="The feed of events, in order",
        parameters=[AFTER_PARAMETER, LIMIT_PARAMETER],
        responses=page_of(EventSerializer),
    )
    def list(self, request: Request) -> Response:
        """Your events in order, from the first on, or behind one: what a receiver that was away has missed."""
        limit, text = read_limit(request), request.query_params.get("after")
        after = None if text is None else parse_public_id("evt", text)
        if text is not None and after is None:
            raise invalid({"after": ["must be the id of an event"]})
        events, has_more = feed(current_user(request), after, limit)
        here = request.build_absolute_uri()
        following = replace_query_param(here, "after", events[-1].public_id) if has_more else None
        return Response({"data": self.write(events, many=True), "next": following, "previous": None})

    @extend_schema(
        operation_id="publishEvents",
        summary="Publish one event or a batch",
        request=PolymorphicProxySerializer(
            "Publication", [NewEventSerializer, NewEventsSerializer], resource_type_field_name=None
        ),
        responses={
            202: PolymorphicProxySerializer(
                "PublicationAnswer",
                [answer_of(PublishedEventSerializer), answer_of(PublishedEventSerializer, many=True)],
                resource_type_field_name=None,
            ),
            429: Error,
        },
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Publishes one event, or up to 1000 of which all are published or none."""
        is_batch = isinstance(request.data, Mapping) and "events" in request.data
        events = (
            self.read(request.data, NewEventsSerializer)["events"]
            if is_batch
            else [self.read(request.data, NewEventSerializer)]
        )
        if not services.may_publish(current_access(request).scopes, events):
            raise PermissionDenied(f"To publish for an owner, the token needs the scope {PUBLISH_ANY}")
        published = services.publish_incoming(current_user(request), events)
        written = self.write(published, PublishedEventSerializer, many=True)
        return Response({"data": written if is_batch else written[0]}, 202)

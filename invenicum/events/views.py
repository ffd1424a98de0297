import re
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from invenicum.accounts.authentication import current_access, current_user
from invenicum.accounts.tokens import PUBLISH_ANY
from invenicum.api.bodies import read
from invenicum.api.errors import INVALID_CONFIG, ApiError, invalid
from invenicum.api.openapi import LIMIT_PARAMETER, Error, PageAnswer, Shape
from invenicum.api.pagination import read_limit
from invenicum.api.responses import answer
from invenicum.ids import parse_public_id
from invenicum.timestamps import format_timestamp

from .bodies import NewEvent, NewEvents, Publication
from .feed import UnknownPlace, feed
from .idempotency import KEY, KeyReused, answer_once
from .models import Event
from .services import UnknownOwner, publish_incoming

KEY_PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": KEY},
    OpenApiParameter.HEADER,
    description="For 24 hours the same key gets the same answer, and nothing is published twice.",
)


class PublishedEvent(Shape):
    id: str


class PublishedAnswer(Shape):
    data: PublishedEvent | list[PublishedEvent]


class EventShape(Shape):
    id: str
    event: str
    timestamp: str
    data: dict[str, Any]
    created_at: str


class EventListView(APIView):
    required_scopes = {"GET": "deliveries:read", "POST": "events:write"}

    @extend_schema(
        operation_id="readFeed",
        parameters=[
            OpenApiParameter(
                "after",
                {"type": "string", "pattern": "^evt_[0-9a-fA-F]{32}$"},
                description="The id of the last event that you have seen.",
            ),
            LIMIT_PARAMETER,
        ],
        responses=PageAnswer[EventShape],
    )
    def get(self, request: Request) -> Response:
        """Your events in order, from the first on, or behind one: what a receiver that was away has missed."""
        limit, text = read_limit(request), request.query_params.get("after")
        after = None if text is None else parse_public_id("evt", text)
        if text is not None and after is None:
            raise invalid({"after": ["must be the id of an event"]})
        try:
            events, has_more = feed(current_user(request), after, limit)
        except UnknownPlace:
            raise invalid({"after": ["is not an event of yours, or not in the feed yet"]}) from None
        here = request.build_absolute_uri()
        following = replace_query_param(here, "after", events[-1].public_id) if has_more else None
        return Response({"data": [present_event(event) for event in events], "next": following, "previous": None})

    @extend_schema(
        operation_id="publishEvents",
        parameters=[KEY_PARAMETER],
        request=Publication,
        responses={202: PublishedAnswer, 409: Error},
    )
    def post(self, request: Request) -> Response:
        """Publishes one event, or up to 1000 of which all are published or none."""
        user, key = current_user(request), _idempotency_key(request)
        is_batch = isinstance(request.data, dict) and "events" in request.data
        incoming = read(NewEvents, request.data).events if is_batch else [read(NewEvent, request.data)]
        if any(item.owner for item in incoming) and PUBLISH_ANY not in current_access(request).scopes:
            raise PermissionDenied(f"To publish for an owner, the token needs the scope {PUBLISH_ANY}")

        def publish() -> list[dict[str, str]]:
            return [{"id": event.public_id} for event in publish_incoming(user, incoming)]

        try:
            published = publish() if key is None else answer_once(user, key, request.data, publish)
        except UnknownOwner as error:
            raise invalid({"owner": [f"there is no user {error}"]}) from None
        except KeyReused:
            message = "This Idempotency-Key was used with another body"
            raise ApiError(409, INVALID_CONFIG, message, {"Idempotency-Key": [message]}) from None
        return answer(published if is_batch else published[0], 202)


def present_event(event: Event) -> dict[str, Any]:
    payload = event.payload
    return {
        "id": event.public_id,
        "event": event.name,
        "timestamp": payload["timestamp"],
        "data": payload["data"],
        "createdAt": format_timestamp(event.created_at),
    }


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(KEY, key):
        raise invalid({"Idempotency-Key": ["must be 1 to 255 printable ASCII characters without spaces"]})
    return key

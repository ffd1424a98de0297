"""`/webhooks/<type>`: called by providers, who prove a request by its signature and have no API token."""

import time
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations.core.inbound import HookResponse, InboundRequest, InvalidSignature, Unreadable
from invenicum.api.errors import INVALID_CONFIG, PAYLOAD_TOO_LARGE, ApiError
from invenicum.api.openapi import Answer, Error, Shape
from invenicum.api.parsers import read_body
from invenicum.api.responses import answer

from . import keys, receive

INVALID_SIGNATURE = "INVALID_SIGNATURE"


class Taken(Shape):
    id: str


CHALLENGE = OpenApiParameter("challenge", {"type": "string"}, description="What Dropbox wants to read again.")
JSON_OBJECT = {"application/json": {"type": "object"}}


class InboundView(APIView):
    """Proves a request by its signature over the body as it came, and takes it."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    @extend_schema(
        operation_id="answerChallenge",
        summary="A service asks whether somebody is there",
        parameters=[CHALLENGE],
        responses={(200, "text/plain"): {"type": "string"}, 404: Error},
    )
    def get(self, request: Request, integration_type: str, integration_id: str = "") -> HttpResponse:
        response = receive.answer_handshake(integration_type, _read(request))
        if response is None:
            raise Http404
        return _send(response)

    @extend_schema(
        operation_id="receiveHook",
        summary="A service tells what has happened",
        description="Proved as the service signs: with the secret of the integration whose id the address names, or of "
        "those connected to the repository, project, team or account that the body names. Some services get an answer "
        "of their own instead, such as 204 for Discord.",
        request=JSON_OBJECT,
        responses={
            202: Answer[Taken],
            200: OpenApiResponse(description="Heard; nothing has happened."),
            204: None,
            401: Error,
        },
    )
    def post(self, request: Request, integration_type: str, integration_id: str = "") -> HttpResponse | Response:
        received = receive.receive(integration_type, integration_id, _read(request))
        if isinstance(received, HookResponse):
            return _send(received)
        return answer({"id": received.public_id}, status=202)

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(_api_error(exc))


@extend_schema_view(
    get=extend_schema(operation_id="answerChallengeToIntegration"),
    post=extend_schema(operation_id="receiveHookOfIntegration"),
)
class OwnInboundView(InboundView):
    """The same at an integration's own address."""


def _read(request: Request) -> InboundRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = read_body(request.stream, settings.INBOUND_MAX_BODY) if request.stream else b""
    return InboundRequest(headers, body, time.time(), request.query_params.dict())


def _send(response: HookResponse) -> HttpResponse:
    return HttpResponse(response.body, status=response.status, content_type=response.content_type)


def _api_error(exc: Exception) -> Exception:
    match exc:
        case keys.NoInbound():
            return Http404()
        case InvalidSignature():
            # The same answer for an integration that does not exist, so that ids cannot be probed.
            return ApiError(401, INVALID_SIGNATURE, "No integration's secret proves this request")
        case receive.TooLarge():
            message = "A body this large needs the address with the integration's id: /webhooks/<type>/<id>"
            return ApiError(413, PAYLOAD_TOO_LARGE, message)
        case Unreadable():
            return ApiError(400, INVALID_CONFIG, str(exc))
    return exc

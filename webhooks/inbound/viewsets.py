"""`/webhooks/<type>`: called by providers, who prove a request by its signature and have no API token."""

import time
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from integrations import registry
from integrations.core.inbound import HookResponse, InboundRequest, InvalidSignature, Unreadable
from invenicum.api.envelopes import answer_of
from invenicum.api.errors import INVALID_CONFIG, NOT_FOUND, NOTHING_HERE, PAYLOAD_TOO_LARGE, UNAVAILABLE, ApiError
from invenicum.api.openapi import Error
from invenicum.api.parsers import too_large
from invenicum.api.viewsets import ApiViewSet
from invenicum.web.routes import ROUTE

from . import bodies, keys, receive
from .serializers import ReceivedHookSerializer

INVALID_SIGNATURE = "INVALID_SIGNATURE"

CHALLENGE = OpenApiParameter("challenge", {"type": "string"}, description="What Dropbox expects as the answer.")
JSON_OBJECT = {"application/json": {"type": "object"}}


class HookViewSet(ApiViewSet):
    """The address of an integration type: the request itself says which integrations it is meant for."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    serializer_class = ReceivedHookSerializer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if any(connector.type == kwargs["integration_type"] for connector in registry.CONNECTORS):
            request.META[ROUTE] = f"/webhooks/{kwargs['integration_type']}"  # hooks are counted by type

    @extend_schema(
        operation_id="answerChallenge",
        summary="Answers a provider that checks the address",
        description="Only Dropbox checks an address in this way; for other types there is nothing here.",
        parameters=[CHALLENGE],
        responses={(200, "text/plain"): {"type": "string"}, 404: Error},
    )
    def retrieve(self, request: Request, integration_type: str, integration_id: str = "") -> HttpResponse:
        response = receive.answer_handshake(integration_type, _inbound_request(request, b""))
        if response is None:
            raise Http404
        return _http_response(response)

    @extend_schema(
        operation_id="receiveHook",
        summary="Receives a hook from a provider",
        description="Verified as the provider signs: with the secret of the integration whose id the address contains, "
        "or of those connected to the repository, project, team or account that the body names. Some providers get an "
        "answer of their own instead, such as 204 for Discord.",
        request=JSON_OBJECT,
        responses={
            202: answer_of(ReceivedHookSerializer),
            200: OpenApiResponse(description="Received; it contains no event."),
            204: None,
            401: Error,
            429: Error,
        },
    )
    def create(self, request: Request, integration_type: str, integration_id: str = "") -> HttpResponse | Response:
        size = bodies.declared_size(request)
        if size > settings.INBOUND_MAX_BODY:
            raise too_large(settings.INBOUND_MAX_BODY)
        receive.expect(integration_type, integration_id, _headers(request), size)
        address = f"{integration_type}/{integration_id}"
        with bodies.read(request, address, settings.INBOUND_MAX_BODY) as body:
            received = receive.receive(integration_type, integration_id, _inbound_request(request, body))
        return _http_response(received) if isinstance(received, HookResponse) else self.answer(received, status=202)

    def api_error(self, error: Exception) -> ApiError | None:
        match error:
            case keys.NoInbound():
                return ApiError(404, NOT_FOUND, NOTHING_HERE)
            case InvalidSignature():
                # The same answer for an integration that does not exist, so that ids cannot be probed.
                return ApiError(401, INVALID_SIGNATURE, "No integration's secret verifies this request")
            case receive.TooLarge():
                message = "A body this large needs the address with the integration's id: /webhooks/<type>/<id>"
                return ApiError(413, PAYLOAD_TOO_LARGE, message)
            case bodies.TooManyBytes():
                message = "Too many large requests are being received: try again in a few seconds"
                return ApiError(503, UNAVAILABLE, message, headers={"Retry-After": str(bodies.RETRY_AFTER_SECONDS)})
            case Unreadable():
                return ApiError(400, INVALID_CONFIG, str(error))
        return super().api_error(error)


@extend_schema_view(
    retrieve=extend_schema(operation_id="answerChallengeToIntegration"),
    create=extend_schema(operation_id="receiveHookOfIntegration"),
)
class IntegrationHookViewSet(HookViewSet):
    """The address of one integration."""


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _inbound_request(request: Request, body: bytes) -> InboundRequest:
    return InboundRequest(_headers(request), body, time.time(), request.query_params.dict())


def _http_response(response: HookResponse) -> HttpResponse:
    return HttpResponse(response.body, status=response.status, content_type=response.content_type)

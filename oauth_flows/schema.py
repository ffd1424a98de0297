"""The OAuth routes, described for OpenAPI."""

from drf_spectacular.utils import OpenApiParameter, extend_schema

from integrations.schema import Done
from invenicum.api.openapi import Error, Shape


class Begun(Shape):
    authorization_url: str
    state: str


class Connection(Shape):
    type: str
    is_active: bool
    account: str | None


class ConnectedAnswer(Done):
    data: Connection


def _query(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, description=description)


authorize_schema = extend_schema(
    operation_id="beginConnection",
    auth=[{"bearer": []}],  # type: ignore[list-item]
    summary="Begin an OAuth flow",
    description="Sets a session cookie, which the callback needs. A browser (`Accept: text/html`) is redirected.",
    parameters=[_query("returnUrl", "Where the browser goes in the end; its origin must be allowed.")],
    responses={200: Begun, 400: Error},
)
callback_schema = extend_schema(
    operation_id="finishConnection",
    summary="End an OAuth flow",
    description="The provider redirects the browser here. Needs the session that began the flow.",
    auth=[{"bearer": []}, {}],  # type: ignore[list-item]
    parameters=[
        _query("code", "The authorization code."),
        _query("state", "The state that `authorize` gave."),
        _query("error", "The provider's reason for sending no code."),
        _query("iss", "Which server the answer is from (RFC 9207)."),
    ],
    responses={200: ConnectedAnswer, 400: Error},
)

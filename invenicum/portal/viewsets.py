"""Links to the portal, for apps."""

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from invenicum.accounts import portal_sessions
from invenicum.accounts.authentication import current_access, current_user
from invenicum.accounts.idempotency import idempotent
from invenicum.api.envelopes import answer_of
from invenicum.api.errors import invalid
from invenicum.api.throttling import SaveThrottle
from invenicum.api.viewsets import ApiViewSet
from oauth_flows.return_urls import is_allowed_return

from .serializers import LinkSerializer, NewLinkSerializer

NOT_ALLOWED = "its origin or scheme must be in OAUTH_RETURN_ORIGINS"
NO_FRAMES = "is not possible: no origin may frame the portal (PORTAL_FRAME_ORIGINS)"


class PortalLinkViewSet(ApiViewSet):
    """One-time links with which an app opens the portal for its user."""

    serializer_class = LinkSerializer
    required_scopes = {"POST": "integrations:read"}
    throttle_classes = [SaveThrottle]
    never_cached = True  # an answer holds the code of a link
    body_is_optional = True

    @extend_schema(
        operation_id="createPortalLink",
        summary="Make a one-time link to the portal",
        request=NewLinkSerializer,
        responses={200: answer_of(LinkSerializer)},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """A browser that opens the link is signed in to the portal, once. Its session has at most the scopes of this
        token, and ends with it."""
        options = portal_sessions.LinkOptions(**self.read(request.data, NewLinkSerializer))
        if options.return_url and not is_allowed_return(options.return_url, settings.OAUTH_RETURN_ORIGINS):
            raise invalid({"returnUrl": [NOT_ALLOWED]})
        if options.embed and not settings.PORTAL_FRAME_ORIGINS:
            raise invalid({"embed": [NO_FRAMES]})
        link = portal_sessions.create_link(current_user(request), current_access(request), options)
        return self.answer(link)

"""What `POST /portal/links` reads and answers."""

from django.conf import settings

from invenicum.accounts.models import OfPortal
from invenicum.accounts.portal_sessions import LINK_MAX_SECONDS
from invenicum.api.serializers import (
    BooleanField,
    ChoiceField,
    IntegerField,
    StrictSerializer,
    TextField,
    TimestampField,
)

LANGUAGES = tuple(code for code, _ in settings.LANGUAGES)


class NewLinkSerializer(StrictSerializer):
    """How the portal opens. `path` is a page below `/portal`, as `/services/slack`; `expiresIn` is in seconds.

    `readOnly` lets nothing be changed. `embed` is for a frame of a page whose origin is in `PORTAL_FRAME_ORIGINS`.
    `returnUrl` is where the portal leads back to; its origin or custom scheme is in `OAUTH_RETURN_ORIGINS`.
    """

    path = TextField(
        pattern=r"^/(?!/)[A-Za-z0-9_./?=&%~-]{0,499}$",
        says="must be the address of a page below /portal, for example /services/slack",
        default="/",
    )
    expires_in = IntegerField(minimum=1, maximum=LINK_MAX_SECONDS, default=LINK_MAX_SECONDS)
    read_only = BooleanField(default=False)  # type: ignore[assignment]  # Field has such an attribute
    embed = BooleanField(default=False)
    return_url = TextField(max_length=2000, default="")
    theme = ChoiceField(tuple(OfPortal.Theme.values), component_name="PortalTheme", default=OfPortal.Theme.SYSTEM.value)
    accent = TextField(pattern=r"^#[0-9a-fA-F]{6}$", says="must be a color, for example #2456d6", required=False)
    lang = ChoiceField(LANGUAGES, component_name="PortalLanguage", required=False)


class LinkSerializer(StrictSerializer):
    """A browser opens `url`, once, before `expiresAt`. The code is in the fragment, which no log has."""

    url = TextField()
    expires_at = TimestampField()

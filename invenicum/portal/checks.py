"""System checks that refuse a bad setup of the portal at start-up."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from invenicum.content_policy import is_frame_origin


@register
def check_frame_origins(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [
        Error(f"PORTAL_FRAME_ORIGINS: {origin} is not an origin like https://app.example.com.", id="portal.E001")
        for origin in settings.PORTAL_FRAME_ORIGINS
        if not is_frame_origin(origin)
    ]

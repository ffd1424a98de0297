"""The scopes of tokens, and which of them an application may have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from oauth2_provider.scopes import BaseScopes

if TYPE_CHECKING:
    from .models import Application

PUBLISH = "events:write"
PUBLISH_ANY = "events:publish-any"
REMOVE_ACCOUNTS = "accounts:write"
DESCRIPTIONS: dict[str, str] = settings.OAUTH2_PROVIDER["SCOPES"]  # type: ignore[assignment]
ALL_SCOPES = frozenset(DESCRIPTIONS)
# The scopes of users, for their own data. The others are for services, which act for every account.
SERVICE_SCOPES = frozenset({PUBLISH_ANY, REMOVE_ACCOUNTS})
USER_SCOPES = ALL_SCOPES - SERVICE_SCOPES


def user_scopes_text() -> str:
    """The scopes of a user as OAuth writes them: `assets:read assets:write …`."""
    return " ".join(sorted(USER_SCOPES))


class ApplicationScopes(BaseScopes):
    """Tells django-oauth-toolkit which scopes exist, and which an application may ask for."""

    def get_all_scopes(self) -> dict[str, str]:
        return DESCRIPTIONS

    def get_available_scopes(self, application: Application | None = None, *_: Any, **__: Any) -> list[str]:
        return sorted(application.scopes if application else ALL_SCOPES)

    def get_default_scopes(self, application: Application | None = None, *_: Any, **__: Any) -> list[str]:
        """The scopes of an application that asks for none: all that it may have."""
        return self.get_available_scopes(application)

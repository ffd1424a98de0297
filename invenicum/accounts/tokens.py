"""Access tokens of this server, and what they allow."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from oauth2_provider.models import AccessToken, set_token_value

from invenicum.accounts.models import User

PUBLISH_ANY = "events:publish-any"
REMOVE_ACCOUNTS = "accounts:write"
ALL_SCOPES: frozenset[str] = frozenset(settings.OAUTH2_PROVIDER["SCOPES"])  # type: ignore[call-overload]
# What a person may do with their own things. The others are for services, which act for every account.
SERVICE_SCOPES = frozenset({PUBLISH_ANY, REMOVE_ACCOUNTS})
USER_SCOPES = ALL_SCOPES - SERVICE_SCOPES


@dataclass(frozen=True, slots=True)
class Access:
    """What a request may do: `request.auth` of an authenticated one."""

    scopes: frozenset[str]


def issue_token(user: User, scopes: Iterable[str] = USER_SCOPES, lifetime: timedelta = timedelta(days=365)) -> str:
    """A new access token. It is returned this once: only its digest is stored."""
    token = secrets.token_urlsafe(32)
    row = AccessToken(user=user, scope=" ".join(sorted(scopes)), expires=timezone.now() + lifetime)
    set_token_value(row, token)
    row.save()
    return token

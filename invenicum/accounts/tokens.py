"""Access tokens of this server, and what they allow."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from oauth2_provider.models import AccessToken, set_token_value

PUBLISH_ANY = "events:publish-any"
ALL_SCOPES: frozenset[str] = frozenset(settings.OAUTH2_PROVIDER["SCOPES"])  # type: ignore[call-overload]
# What a person may do with their own things; publishing for others is for services.
USER_SCOPES = ALL_SCOPES - {PUBLISH_ANY}


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

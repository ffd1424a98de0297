"""Access tokens of this server, and what they allow."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from oauth2_provider.models import AccessToken, RefreshToken, revoke_access_token, set_token_value

from invenicum.audit.services import Action, Facts, record, target_of

from .models import User
from .scopes import USER_SCOPES


@dataclass(frozen=True, slots=True)
class Origin:
    """The token of a request, so that what it begins can end with it: the SHA-256 of an access token, and its expiry.

    `checksum` is empty for a token of Invenicum, which cannot be revoked here; both are empty without a token.
    """

    checksum: str = ""
    expires_at: datetime | None = None

    @property
    def is_valid(self) -> bool:
        """Whether the token would still be accepted, with the scopes that it needs to connect an integration."""
        if self.expires_at is not None and self.expires_at <= timezone.now():
            return False
        if not self.checksum:
            return True
        row = AccessToken.objects.filter(token_checksum=self.checksum).select_related("user").first()
        holder = holder_of(row) if row else None
        return holder is not None and "integrations:write" in holder[1].scopes


@dataclass(frozen=True, slots=True)
class Access:
    """What a request may do, and its token: `request.auth` of an authenticated one."""

    scopes: frozenset[str]
    origin: Origin = Origin()


def issue_token(user: User, scopes: Iterable[str] = USER_SCOPES, lifetime: timedelta = timedelta(days=365)) -> str:
    """A new access token. It cannot be read again, because only its digest is stored."""
    token = secrets.token_urlsafe(32)
    row = AccessToken(user=user, scope=" ".join(sorted(scopes)), expires=timezone.now() + lifetime)
    set_token_value(row, token)
    row.save()
    note(Action.TOKEN_MADE, row)
    return token


def revoke(row: AccessToken) -> None:
    """Revokes an access token, with its refresh token, which could be used to get a new one."""
    note(Action.TOKEN_REVOKED, row)
    revoke_access_token(row)


def note(action: Action, row: AccessToken | RefreshToken, *, by_holder: bool = False) -> None:
    """Adds what happens to a token to the audit trail, with its scopes, and its application if it has one.

    by_holder: its holder did it, at an endpoint for programs, where a session of the browser says nothing.
    """
    application = f" of {row.application}" if row.application else ""
    access = row if isinstance(row, AccessToken) else row.access_token
    detail = f"{row._meta.verbose_name}{application}: {access.scope if access else ''}"
    facts: Facts = {"target": target_of(row), "owner": row.user, "detail": detail}
    if by_holder:
        facts["actor"] = row.user
    record(action, **facts)


def holder_of(row: AccessToken) -> tuple[User, Access] | None:
    """The user of a token and its access; None if it no longer allows anything.

    A service's token acts as its service account. Tokens lose a scope that their application has lost.
    """
    user, scopes, application = row.user, frozenset(row.scope.split()), row.application
    if application is not None:
        if not application.is_usable(None):
            return None
        scopes &= application.scopes
        user = user or (application.user if application.kind is application.Kind.SERVICE else None)
    if user is None or not user.is_active:
        return None
    return user, Access(scopes, Origin(row.token_checksum, row.expires))

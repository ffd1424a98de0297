import hashlib
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone
from oauth2_provider.models import AbstractApplication, AccessToken, RefreshToken
from oauth2_provider.oauth2_validators import OAuth2Validator, errors

from invenicum.audit.services import Action
from invenicum.quotas import TOKENS, QuotaExceeded

from .tokens import note


class Validator(OAuth2Validator):
    """The rules of django-oauth-toolkit, and those that this service adds."""

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether a client authenticates. One without a secret cannot."""
        found = super().authenticate_client(request, *args, **kwargs)
        return bool(found and request.client.client_type == AbstractApplication.CLIENT_CONFIDENTIAL)

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        found = super().validate_code(client_id, code, client, request, *args, **kwargs)
        return bool(found and request.user.is_active)

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        found = super().validate_refresh_token(refresh_token, client, request, *args, **kwargs)
        return bool(found and request.user.is_active)

    def save_bearer_token(self, token: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Stores a token, unless its holder has as many as there may be. A refreshed one replaces another."""
        if request.grant_type != "refresh_token":
            holder = {"user": request.user} if request.user else {"user": None, "application": request.client}
            live = AccessToken.objects.filter(expires__gt=timezone.now(), **holder)
            try:
                TOKENS.check(live.count())
            except QuotaExceeded as error:
                raise errors.CustomOAuth2Error(
                    "temporarily_unavailable", description=error.message, status_code=429, request=request
                ) from None
        return super().save_bearer_token(token, request, *args, **kwargs)

    def revoke_token(self, token: str, token_type_hint: str, request: Any, *args: Any, **kwargs: Any) -> None:
        """Revokes a token, and adds that to the audit trail."""
        its = {"token_checksum": hashlib.sha256(token.encode()).hexdigest(), "application": request.client}
        row = AccessToken.objects.filter(**its).first() or RefreshToken.objects.filter(**its, revoked=None).first()
        if row:
            note(Action.TOKEN_REVOKED, row, by_holder=True)
        super().revoke_token(token, token_type_hint, request, *args, **kwargs)

    def _validate_resource_uris(self, request: Any, resources: list[str]) -> None:
        """No token is for another service than this one (RFC 8707, section 2)."""
        super()._validate_resource_uris(request, resources)
        for resource in resources:
            if urlsplit(resource)[:2] != urlsplit(settings.PUBLIC_URL)[:2]:
                description = f"There are no tokens for {resource} here."
                raise errors.CustomOAuth2Error("invalid_target", description=description, request=request)

"""What the authorization server's signals add to the audit trail."""

from typing import Any

from django.dispatch import receiver
from django.http import HttpRequest
from oauth2_provider.models import AccessToken
from oauth2_provider.signals import app_authorized

from invenicum.audit.services import Action

from .tokens import note


@receiver(app_authorized)
def on_token_issued(request: HttpRequest, token: AccessToken, **kwargs: Any) -> None:
    """A refreshed token is left out: it goes on with what was allowed once, and is issued each hour."""
    if request.POST.get("grant_type") != "refresh_token":
        note(Action.TOKEN_MADE, token, by_holder=True)

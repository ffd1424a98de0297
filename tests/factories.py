"""Rows that many tests need, created through the product's own services."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from integrations.models import Integration
from integrations.services import save_integration
from invenicum.accounts.models import User
from oauth_flows.clients import client_for
from oauth_flows.models import Grant
from tests.fakes.google_drive import TOKEN

OPEN_CIRCUIT = {"failures": 10, "openings": 1}  # the columns of a lane whose circuit breaker has opened
SECRET = "whsec_" + "c2VjcmV0LXRoYXQtaXMtMzItYnl0ZXMtbG9uZyEh"


def connect_webhook(owner: User, url: str = "http://127.0.0.1:9/hook", **config: Any) -> Integration:
    """A saved custom webhook of `owner` that sends to `url`, signed with SECRET."""
    return save_integration(owner, "webhook", {"url": url, "secret": SECRET, **config}).integration


def connect_drive(owner: User, **config: Any) -> Integration:
    """Google Drive of `owner`, connected with OAuth: the fake accepts its token. OAUTH_CLIENTS is set up."""
    integration = Integration.objects.create(owner=owner, type="google_drive", account="alice@example.com")
    now = timezone.now()
    Grant.objects.create(
        integration=integration,
        account="alice@example.com",
        account_key="alice@example.com",
        client_id="client",
        servers=client_for("google_drive").servers,
        tokens={"access": TOKEN},
        connected_at=now,
        refreshed_at=now,
        expires_at=now + timedelta(hours=1),
    )
    return save_integration(owner, "google_drive", config).integration

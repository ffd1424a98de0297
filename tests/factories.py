"""Rows that many tests need, created through the product's own services."""

from typing import Any

from integrations.models import Integration
from integrations.services import save_integration
from invenicum.accounts.models import User

OPEN_CIRCUIT = {"failures": 10, "openings": 1}  # the columns of a lane whose circuit breaker has opened
SECRET = "whsec_" + "c2VjcmV0LXRoYXQtaXMtMzItYnl0ZXMtbG9uZyEh"


def connect_webhook(owner: User, url: str = "http://127.0.0.1:9/hook", **config: Any) -> Integration:
    """A saved custom webhook of `owner` that sends to `url`, signed with SECRET."""
    return save_integration(owner, "webhook", {"url": url, "secret": SECRET, **config}).integration

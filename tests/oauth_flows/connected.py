"""Integrations that are connected already, without a flow."""

from datetime import timedelta

from django.utils import timezone

from integrations.models import Integration
from invenicum.accounts.models import User
from oauth_flows.clients import client_for
from oauth_flows.errors import NotConfigured
from oauth_flows.models import Grant


def connect_dropbox(owner: User, *, expires_in: float | None = 3600, age: float = 3600, refresh: bool = True) -> Grant:
    """A grant of the token server's first tokens, `age` seconds old, for the owner's Dropbox."""
    integration = Integration.objects.create(
        owner=owner, type="dropbox", account="ada@example.com", subscriptions=["asset.*"]
    )
    now = timezone.now()
    expires_at = now + timedelta(seconds=expires_in) if expires_in is not None else None
    return Grant.objects.create(
        integration=integration,
        account="ada@example.com",
        account_key="ada@example.com",
        client_id="dropbox-client",
        servers=_servers(),
        tokens={"access": "access-1"} | ({"refresh": "refresh-1"} if refresh else {}),
        scopes=["files.content.write"],
        connected_at=now - timedelta(seconds=age),
        refreshed_at=now - timedelta(seconds=age),
        expires_at=expires_at,
        refresh_at=expires_at - timedelta(seconds=300) if expires_at and refresh else None,
    )


def _servers() -> str:
    try:
        return client_for("dropbox").servers
    except NotConfigured:  # tests that send nothing need no client
        return "https://api.dropboxapi.com"

"""Integrations that are connected: by a flow that has ended, or without one."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from integrations.models import Integration
from invenicum.accounts.models import User
from oauth_flows.clients import client_for
from oauth_flows.errors import NotConfigured
from oauth_flows.models import Grant
from tests.fakes.authorization_server import AuthorizationServer


def connected_drive(answer: Any, owner: User, drive: AuthorizationServer) -> Grant:
    """The grant behind the owner's Google Drive, which this answer says is connected with Ada's account."""
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "message": "Google Drive connected successfully",
        "data": {
            "type": "google_drive",
            "isActive": True,
            "account": "ada@example.com",
            "missed": {"count": 0, "isExact": True, "since": None},
        },
    }
    grant = Grant.objects.get(integration__owner=owner)
    assert drive.knows(grant.access_token)
    assert grant.refresh_token
    return grant


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

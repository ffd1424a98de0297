"""Integrations that the service stops by itself: their provider ended the connection, or their endpoint is gone."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from . import grants, registry
from .core.inbound import ConnectionEnd
from .models import Integration
from .services import change_status

Status = Integration.Status


@transaction.atomic
def end_connection(integration_id: UUID, end: ConnectionEnd) -> None:
    """Stops an integration whose provider says that it ended the connection, e.g. because its app was removed.

    An OAuth connection has to be connected again, any other is disabled. Nothing happens if it was connected, or saved,
    after that, or is a connection to another app.
    """
    integration = Integration.objects.live().without_secrets().select_for_update().filter(pk=integration_id).first()
    if integration is None:
        return
    refused = grants.current().note_ended(integration, end)
    if refused is False or (refused is None and integration.updated_at.timestamp() > end.at):
        return
    if integration.status != Status.PAUSED:
        name = registry.get(integration.type).name
        what = "connect again" if refused else "set it up again in " + name
        status = Status.NEEDS_RECONNECT if refused else Status.DISABLED
        change_status(integration, status, f"The app was removed from {name}, or its token revoked: {what}.")


@transaction.atomic
def disable(integration_id: UUID, reason: str) -> bool:
    """Stops an integration whose endpoint is gone or keeps failing; its owner can resume it.

    `reason` is a sentence for its owner. Returns whether it was active.
    """
    integration = Integration.objects.live().without_secrets().select_for_update().filter(pk=integration_id).first()
    if integration is None or not integration.is_active:
        return False
    change_status(integration, Status.DISABLED, reason)
    return True

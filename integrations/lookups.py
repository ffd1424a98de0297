"""What users have connected, for all who read it."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings

from invenicum.accounts.models import User

from . import registry
from .models import Integration


class IntegrationNotFound(LookupError):
    """The user has no such integration."""


def find(owner: User, integration_type: str) -> Integration:
    """The owner's integration of a type, e.g. `slack`. Its secrets are read and decrypted only when they are used.

    Raises IntegrationNotFound.
    """
    try:
        return Integration.objects.live().without_secrets().get(owner=owner, type=integration_type)
    except Integration.DoesNotExist:
        raise IntegrationNotFound(integration_type) from None


def lock(owner: User, integration_type: str) -> Integration:
    """As `find`, locked until the end of the caller's transaction."""
    try:
        return Integration.objects.live().without_secrets().select_for_update().get(owner=owner, type=integration_type)
    except Integration.DoesNotExist:
        raise IntegrationNotFound(integration_type) from None


def find_many(wanted: Collection[tuple[int, str]]) -> dict[tuple[int, str], Integration]:
    """As `find` for many: integrations by (primary key of the owner, type), those that exist. One statement."""
    if not wanted:
        return {}
    owners, types = {owner for owner, _ in wanted}, {type_ for _, type_ in wanted}
    rows = Integration.objects.live().without_secrets().filter(owner__in=owners, type__in=types)
    return {(row.owner_id, row.type): row for row in rows}


def active_types(owners: Collection[int]) -> dict[int, set[str]]:
    """The types of which owners have an active integration, by the owner's primary key. One statement."""
    found: dict[int, set[str]] = {}
    if owners:
        rows = Integration.objects.live().filter(owner__in=owners, status=Integration.Status.ACTIVE).order_by()
        for owner, type_ in rows.values_list("owner", "type"):
            found.setdefault(owner, set()).add(type_)
    return found


def statuses(active: Collection[str]) -> dict[str, bool]:
    """Each integration type, and whether it is among `active`: `{"s3": false, "slack": true, …}`."""
    return {connector.type: connector.type in active for connector in registry.CONNECTORS}


def inbound_url(integration: Integration) -> str | None:
    """The integration's own address for requests of its service, or None if this service sends none.

    For example `https://integrations.example.com/webhooks/github/0197…`.
    """
    if registry.get(integration.type).inbound is None:
        return None
    return f"{settings.PUBLIC_URL}/webhooks/{integration.type}/{integration.id}"

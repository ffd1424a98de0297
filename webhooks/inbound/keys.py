"""The provider's names for what integrations are connected to, by which a hook finds them without their ids."""

from contextlib import suppress

from integrations import registry
from integrations.core.errors import InvalidConfig
from integrations.core.inbound import MAX_KEY_LENGTH, Inbound
from integrations.models import Integration

from ..models import InboundKey


class NoInbound(LookupError):
    """There is no such integration type, or its provider sends no hooks."""


def inbound_of(integration_type: str) -> Inbound:
    """How hooks of `integration_type` are read. Raises NoInbound."""
    try:
        inbound = registry.get(integration_type).inbound
    except registry.UnknownType:
        inbound = None
    if inbound is None:
        raise NoInbound(integration_type)
    return inbound


def refresh_keys(integration: Integration) -> None:
    """Brings the rows of InboundKey in line with an integration whose configuration or remote state has changed."""
    try:
        inbound = inbound_of(integration.type)
    except NoInbound:
        return
    wanted: set[str] = set()
    if integration.deleted_at is None:
        with suppress(InvalidConfig):  # connected by OAuth, but its configuration is not complete yet
            keys = inbound.keys_of(integration.load_config(), integration.remote_state)
            wanted = {key[:MAX_KEY_LENGTH] for key in keys if key}
    known = set(integration.inbound_keys.values_list("key", flat=True))
    integration.inbound_keys.filter(key__in=known - wanted).delete()
    new = [InboundKey(integration=integration, type=integration.type, key=key) for key in wanted - known]
    InboundKey.objects.bulk_create(new, ignore_conflicts=True)

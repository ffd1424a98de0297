"""The way in: requests from services, proved, matched to the integrations they are meant for, stored and published.

Nothing is done with a request before a secret of the integration has proved it, except that a small one is read to
find out which integrations may be meant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from fernet_fields import DecryptionError

from integrations import grants, registry
from integrations.core.config import ConnectorConfig
from integrations.core.errors import InvalidConfig
from integrations.core.inbound import (
    Happening,
    Inbound,
    InboundRequest,
    InvalidSignature,
    Reply,
    Unreadable,
    bounded,
    event_name,
)
from integrations.core.texts import storable
from integrations.models import Integration
from invenicum.events.publish import publish
from oauth_flows.clients import client_for
from oauth_flows.errors import NotConfigured

from ..models import InboundEvent, InboundKey

MAX_UNPROVED = 2 * 1024 * 1024  # bytes that are read as JSON before anything proves them
MAX_KEYS = 200
MAX_CANDIDATES = 100
MAX_DELIVERY_ID = 200

log = structlog.get_logger(__name__)


class NothingComesIn(LookupError):
    """There is no such type, or its service never calls."""


class TooLarge(Exception):
    """To find out whose it is, all of it would have to be read first."""


def handshake(integration_type: str, request: InboundRequest) -> Reply | None:
    """The answer to a service that asks whether somebody is there. Raises NothingComesIn."""
    inbound = _inbound(integration_type)
    if len(request.body) > MAX_UNPROVED:
        return None
    try:
        return inbound.handshake(request)
    except Unreadable:
        return None


def receive(integration_type: str, integration_id: UUID | None, request: InboundRequest) -> InboundEvent | Reply:
    """Takes a request for one integration, or for all that it proves to be meant for.

    A request that was taken before is answered as before and does nothing. Raises NothingComesIn, TooLarge, Unreadable,
    or InvalidSignature where no integration is proved to be meant.
    """
    inbound = _inbound(integration_type)
    keys = _keys_in(inbound, request) if integration_id is None or inbound.app_secret else ()
    if integration_id is not None:
        chosen = Integration.objects.filter(pk=integration_id)
    elif len(request.body) > MAX_UNPROVED:
        raise TooLarge
    else:
        # Those that were there first, so that nobody is crowded out.
        known = InboundKey.objects.filter(type=integration_type, key__in=keys).order_by("integration_id")
        chosen = Integration.objects.filter(
            pk__in=list(known.values_list("integration_id", flat=True)[:MAX_CANDIDATES])
        )
    results: list[InboundEvent | Reply] = []
    candidates = list(_loaded(chosen.live().filter(type=integration_type)))
    for integration, config in candidates:
        app_secret = _app_secret(inbound, integration, config, keys)
        try:
            happening = inbound.open(request, config, integration.remote_state, app_secret)
        except InvalidSignature:
            continue
        results.append(happening if isinstance(happening, Reply) else _record(integration, happening))
    if not results:
        # The caller is not told which of the two it was; whoever runs this has to find out.
        log.warning("inbound_refused", type=integration_type, candidates=len(candidates))
        raise InvalidSignature
    return inbound.accepted if inbound.accepted and isinstance(results[0], InboundEvent) else results[0]


def refresh_keys(integration: Integration) -> None:
    """Notes what requests call the thing that an integration is connected to, after either has changed."""
    try:
        inbound = _inbound(integration.type)
    except NothingComesIn:
        return
    wanted: set[str] = set()
    if integration.deleted_at is None:
        with suppress(InvalidConfig):  # connected, but not complete
            wanted = {key[:255] for key in inbound.keys_of(integration.load_config(), integration.remote_state) if key}
    known = set(integration.inbound_keys.values_list("key", flat=True))
    integration.inbound_keys.filter(key__in=known - wanted).delete()
    new = [InboundKey(integration=integration, type=integration.type, key=key) for key in wanted - known]
    InboundKey.objects.bulk_create(new, ignore_conflicts=True)


def _inbound(integration_type: str) -> Inbound:
    try:
        inbound = registry.get(integration_type).inbound
    except registry.UnknownType:
        inbound = None
    if inbound is None:
        raise NothingComesIn(integration_type)
    return inbound


def _keys_in(inbound: Inbound, request: InboundRequest) -> tuple[str, ...]:
    if len(request.body) > MAX_UNPROVED:
        return ()
    try:
        return tuple(storable(key) for key in inbound.keys_in(request) if key)[:MAX_KEYS]
    except Unreadable:
        return ()


def _loaded(integrations: Any) -> Iterator[tuple[Integration, ConnectorConfig]]:
    """Each with its configuration, without those whose configuration cannot be read."""
    try:
        rows = list(integrations.select_related("owner"))
    except DecryptionError:  # one of them cannot: then they are decrypted one by one
        rows = list(integrations.select_related("owner").without_secrets())
    for integration in rows:
        try:
            yield integration, integration.load_config()
        except (InvalidConfig, DecryptionError):
            continue


def _app_secret(inbound: Inbound, integration: Integration, config: ConnectorConfig, keys: Collection[str]) -> str:
    """The secret of the operator's app, for an integration of which OAuth has proved that the request is about it.

    It signs for everybody's account: who merely wrote somebody else's team into a configuration must not hear of it.
    """
    is_about_it = inbound.app_secret and not set(keys).isdisjoint(inbound.keys_of(config, integration.remote_state))
    if not is_about_it or not grants.current().is_connected(integration):
        return ""
    if inbound.app_secret != "client":
        return str(getattr(settings, inbound.app_secret))
    try:
        return client_for(integration.type).client_secret
    except NotConfigured:
        return ""


@transaction.atomic
def _record(integration: Integration, happening: Happening) -> InboundEvent:
    payload, is_cut = bounded(happening.payload)
    delivery_id = _storable(happening.delivery_id)
    name, now = event_name(integration.type, happening.event), timezone.now()
    inbound, is_new = InboundEvent.objects.get_or_create(
        integration=integration,
        provider_delivery_id=delivery_id,
        defaults={"type": integration.type, "name": name, "payload": payload, "received_at": now},
    )
    log.info("inbound_received", type=integration.type, id=inbound.public_id, event_name=name, repeated=not is_new)
    if not is_new:
        return inbound
    Integration.objects.filter(pk=integration.pk).update(last_sync=now)
    if integration.status != Integration.Status.PAUSED and not happening.is_echo:
        about = {"title": happening.title, "url": happening.url, "truncated": is_cut}
        data = {"integration": integration.type, "deliveryId": delivery_id, **_given(about), "payload": payload}
        inbound.event = publish(integration.owner, name, data)
        inbound.save(update_fields=["event"])
    return inbound


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _storable(delivery_id: str) -> str:
    if delivery_id.isprintable() and len(delivery_id) <= MAX_DELIVERY_ID:
        return delivery_id
    return hashlib.sha256(delivery_id.encode(errors="replace")).hexdigest()

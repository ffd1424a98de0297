"""Receives a provider's hook: finds the integrations it may be meant for, opens it for each, stores, publishes.

Before a signature is verified, a request is only parsed to find those integrations, and only if its body is small.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NoReturn
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from integrations import grants
from integrations.core.config import ConnectorConfig
from integrations.core.errors import InvalidConfig
from integrations.core.inbound import (
    MAX_HANDSHAKE_BODY_BYTES,
    MAX_UNVERIFIED_BODY_BYTES,
    HookResponse,
    Inbound,
    InboundRequest,
    InvalidSignature,
    ReceivedEvent,
)
from integrations.models import Integration, IntegrationQuerySet
from integrations.stops import end_connection
from invenicum.encrypted_fields import DecryptionError
from invenicum.events import intake
from invenicum.events.publish import publish
from oauth_flows.clients import client_for
from oauth_flows.errors import NotConfigured

from ..models import InboundEvent, InboundKey
from .keys import inbound_of

MAX_CANDIDATES_PER_REQUEST = 100

log = structlog.get_logger(__name__)


class TooLarge(Exception):
    """The body is too large to be parsed before a signature is verified, and the address names no integration."""


def expect(integration_type: str, integration_id: str, headers: Mapping[str, str], size: int) -> None:
    """Judges a request before its body of `size` bytes is read: whether an integration may verify it.

    `integration_id` is as in `receive`; names of `headers` are in lower case. Raises NoInbound, InvalidSignature if it
    has no signature or its address names no integration, or TooLarge.
    """
    inbound = inbound_of(integration_type)
    may_be_handshake = type(inbound).handshake is not Inbound.handshake and size <= MAX_HANDSHAKE_BODY_BYTES
    if not inbound.has_proof(headers) and not may_be_handshake:
        _refuse(integration_type, "it has no signature")
    if not integration_id:
        if size > MAX_UNVERIFIED_BODY_BYTES:
            raise TooLarge
    elif not Integration.objects.live().filter(pk=_parse_id(integration_id), type=integration_type).exists():
        _refuse(integration_type, "there is no such integration")


def answer_handshake(integration_type: str, request: InboundRequest) -> HookResponse | None:
    """The answer to a provider that checks the address; None if the request is no such check.

    Raises NoInbound if the type has no hooks.
    """
    return inbound_of(integration_type).answer_handshake(request)


def receive(integration_type: str, integration_id: str, request: InboundRequest) -> InboundEvent | HookResponse:
    """Stores and publishes a hook for each integration whose secret verifies it, and returns what to answer.

    `integration_id` is the last part of an integration's own address; empty for the address of the type. A repeated
    delivery returns the InboundEvent of the first one and does nothing. Raises NoInbound, TooLarge, Unreadable, or
    InvalidSignature if no integration verifies the request.
    """
    inbound = inbound_of(integration_type)
    answer = inbound.answer_handshake(request)
    if answer is not None:
        return answer
    own_id = _parse_id(integration_id) if integration_id else None
    keys = inbound.keys_named_in(request) if own_id is None or inbound.app_secret else ()
    if own_id is None and not request.may_be_parsed_unverified:
        raise TooLarge
    chosen = Integration.objects.filter(pk=own_id) if own_id else _integrations_with(keys, integration_type)
    candidates = list(_loaded(chosen.live().filter(type=integration_type)))
    results: list[InboundEvent | HookResponse] = []
    for integration, config in candidates:
        app_secret = _app_secret(inbound, integration, config, keys)
        try:
            event = inbound.open(request, integration_type, config, integration.remote_state, app_secret)
        except InvalidSignature:
            continue
        results.append(event if isinstance(event, HookResponse) else _store(integration, event))
    if not results:
        _refuse(integration_type, f"none of {len(candidates)} integrations verifies it")
    return inbound.accepted if inbound.accepted and isinstance(results[0], InboundEvent) else results[0]


def _refuse(integration_type: str, reason: str) -> NoReturn:
    """The provider is not told whether there was no integration or no valid signature; the operator needs to know."""
    log.warning("inbound_refused", type=integration_type, reason=reason)
    raise InvalidSignature


def _parse_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidSignature from None


def _integrations_with(keys: Collection[str], integration_type: str) -> IntegrationQuerySet:
    # The oldest come first: new integrations with the same key must not displace them beyond the limit.
    known = InboundKey.objects.filter(type=integration_type, key__in=keys).order_by("integration_id")
    return Integration.objects.filter(
        pk__in=list(known.values_list("integration_id", flat=True)[:MAX_CANDIDATES_PER_REQUEST])
    )


def _loaded(integrations: IntegrationQuerySet) -> Iterator[tuple[Integration, ConnectorConfig]]:
    """Each integration with its configuration, without those whose configuration cannot be read."""
    try:
        rows = list(integrations.select_related("owner"))
    except DecryptionError:  # of one row: its secrets are then decrypted on access, row by row
        rows = list(integrations.select_related("owner").without_secrets())
    for integration in rows:
        try:
            yield integration, integration.load_config()
        except (InvalidConfig, DecryptionError):
            continue


def _app_secret(inbound: Inbound, integration: Integration, config: ConnectorConfig, keys: Collection[str]) -> str:
    """The secret of the operator's app, if OAuth has proved that the integration owns what the request is about.

    The app's secret signs for all accounts: a user who only wrote another account's name into a configuration must
    not receive its events.
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
def _store(integration: Integration, event: ReceivedEvent) -> InboundEvent:
    """Stores the event once, and publishes it unless the integration is paused or the event an echo."""
    now = timezone.now()
    stored, is_new = InboundEvent.objects.get_or_create(
        integration=integration,
        provider_delivery_id=event.delivery_id,
        defaults={"type": integration.type, "name": event.name, "payload": event.payload, "received_at": now},
    )
    log.info("inbound_received", type=integration.type, id=stored.public_id, event_name=event.name, repeated=not is_new)
    if not is_new:
        return stored
    Integration.objects.filter(pk=integration.pk).update(last_sync=now)
    if event.connection_end:
        end_connection(integration.pk, event.connection_end)
    if integration.status != Integration.Status.PAUSED and not event.is_echo:
        intake.admit({integration.owner_id: 1})
        stored.event = publish(integration.owner, event.name, _published_data(integration.type, event))
        stored.save(update_fields=["event"])
    return stored


def _published_data(integration_type: str, event: ReceivedEvent) -> dict[str, Any]:
    optional = {"title": event.title, "url": event.url, "truncated": event.is_truncated}
    given = {name: value for name, value in optional.items() if value}
    return {"integration": integration_type, "deliveryId": event.delivery_id, **given, "payload": event.payload}

"""Tokens that stay alive: refreshed before they expire and when the provider refuses them, once, whoever asks.

A refresh is a flow like any other, so that the delivery engine drives it beside its deliveries. Whoever refreshes
takes a lease on the grant's row; the others wait until the row has changed. A row lock held until the provider has
answered would do the same, but only for callers that may block, and it would hold a transaction open all the while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from fernet_fields import DecryptionError
from pydantic import SecretStr

from integrations import registry
from integrations.core.config import ConnectorConfig
from integrations.core.errors import AuthFailed, ConnectionFailed, IntegrationError
from integrations.core.http import Flow, Request, Response
from integrations.egress.curl import FlowDriver, run_flow
from integrations.models import Integration
from integrations.services import change_status

from .audit import Action, audit
from .clients import client_for
from .errors import NotConfigured
from .models import Grant
from .protocol import TokenError, Tokens, read_tokens, refresh_request

LEASE_SPARE = timedelta(seconds=30)  # by which a lease is longer than any flow may take
AHEAD = timedelta(minutes=5)  # by which a token is refreshed before it expires, or half its life if that is less
AGAIN = timedelta(seconds=60)  # after which a refresh that failed for the moment is tried again
YOUNG = timedelta(seconds=60)  # age below which a refused token is not refreshed: the next would be refused as well
PATIENCE = 30.0  # seconds that a caller waits for somebody else's refresh
LOOK_EVERY = 0.05

T = TypeVar("T")
log = structlog.get_logger(__name__)


class BeingRefreshed(Exception):
    """Somebody else is refreshing these tokens: ask again in a moment."""


class NeedsReconnect(AuthFailed):
    """The provider accepts these tokens no more, and only their owner can mend that."""

    def __init__(self, name: str):
        super().__init__(f"The connection to {name} is no longer accepted: connect it again.")


def columns_of(tokens: Tokens, now: datetime, refresh_token: str = "") -> dict[str, Any]:
    """The grant's columns for tokens issued now.

    A provider that does not rotate leaves the refresh token out: the one there was, `refresh_token`, stays.
    """
    kept = {"access": tokens.access, "refresh": tokens.refresh or refresh_token}
    columns = {"tokens": {name: token for name, token in kept.items() if token}, "refreshed_at": now}
    if tokens.expires_in is None:
        return {**columns, "expires_at": None, "refresh_at": None}
    life = timedelta(seconds=tokens.expires_in)
    due = now + life - min(AHEAD, life / 2) if kept["refresh"] else None
    return {**columns, "expires_at": now + life, "refresh_at": due}


def grants_of(integration_ids: Iterable[UUID]) -> dict[UUID, Grant]:
    """The grants behind integrations, in one statement."""
    grants = Grant.objects.filter(integration_id__in=integration_ids).select_related("integration")
    try:
        found = list(grants)
    except DecryptionError:  # what cannot be decrypted spoils only itself, when somebody looks at it
        found = list(grants.defer("tokens"))
    return {grant.integration_id: grant for grant in found}


def authorized(grant: Grant, config: ConnectorConfig, call: Callable[[Any], Flow[T]]) -> Flow[T]:
    """The flow `call(config)` with an access token in the config: refreshed first where it is time, and once more
    where the provider refuses it all the same.

    Raises what the flow raises, NeedsReconnect, or BeingRefreshed. `grant` is brought up to date on the way.
    """
    now = timezone.now()
    if grant.refused_at or grant.is_expired(now) or (grant.refresh_at and grant.refresh_at <= now):
        yield from _refresh_where_needed(grant)
    token, statuses = grant.access_token, list[int]()
    try:
        return (yield from _noting(call(_with_token(config, grant)), token, statuses))
    except AuthFailed:
        # Not the token's fault where it was not sent, nor where it is known but may not do this (403), nor where
        # it is so new that the next would be refused as well.
        if not statuses or statuses[-1] == 403 or grant.refreshed_at > timezone.now() - YOUNG:
            raise
        yield from refresh(grant)
    return (yield from call(_with_token(config, grant)))


def _with_token(config: ConnectorConfig, grant: Grant) -> ConnectorConfig:
    return config.model_copy(update={"access_token": SecretStr(grant.access_token)})


def _refresh_where_needed(grant: Grant) -> Flow[None]:
    try:
        yield from refresh(grant)
    except (BeingRefreshed, ConnectionFailed):
        if grant.is_expired(timezone.now()):
            raise  # else it is early enough for the token that we have


def _noting(flow: Flow[T], token: str, statuses: list[int]) -> Flow[T]:
    """`flow`, with the status of every answer to a request that carried the token noted."""
    step: Callable[[Any], Request] = flow.send
    value: Any = None
    while True:
        try:
            request = step(value)
        except StopIteration as stop:
            result: T = stop.value
            return result
        try:
            response: Response = yield request
        except IntegrationError as error:
            step, value = flow.throw, error
        else:
            if any(token in header for header in request.headers.values()):
                statuses.append(response.status)
            step, value = flow.send, response


def refresh(grant: Grant) -> Flow[None]:
    """New tokens for a grant, saved before anybody uses them; or those that somebody else has fetched meanwhile.

    Raises NeedsReconnect where the provider refuses, BeingRefreshed while another does it, or a ConnectionFailed.
    """
    if not _take_lease(grant):
        generation = grant.generation
        _reload(grant)
        if grant.generation != generation and not grant.refused_at:
            return
        if grant.refused_at:
            raise NeedsReconnect(_name(grant))
        raise BeingRefreshed
    try:
        client = client_for(grant.integration.type)
        if not grant.refresh_token:
            raise TokenError("invalid_grant", client.name)
        response = yield refresh_request(client, grant.refresh_token)
        _save(grant, read_tokens(client, response))
    except TokenError as error:
        if error.error in client.spec.refusals:
            if _refuse(grant, error.error):
                raise NeedsReconnect(client.name) from None
            return _reload(grant)  # somebody was faster, and has had new tokens since
        # Our own client is refused, or the provider is at fault: not something that the owner can mend.
        _put_off(grant, f"{client.name} answered {error.error}")
        raise
    except ConnectionFailed as error:
        _put_off(grant, error.message)
        raise
    except NotConfigured as error:
        _put_off(grant, error.message)
        raise ConnectionFailed(error.message) from None


def _take_lease(grant: Grant) -> bool:
    """One UPDATE, which the database lets only one of many do."""
    now = timezone.now()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    mine = Grant.objects.filter(free, pk=grant.pk, generation=grant.generation, refused_at=None)
    lease = timedelta(seconds=settings.DELIVERY_TIMEOUT) + LEASE_SPARE
    return mine.update(leased_until=now + lease) == 1


def _reload(grant: Grant) -> None:
    try:
        grant.refresh_from_db(fields=[field.name for field in Grant._meta.fields if field.name != "integration"])
    except Grant.DoesNotExist:
        raise NeedsReconnect(_name(grant)) from None


@transaction.atomic
def _save(grant: Grant, tokens: Tokens) -> None:
    columns = columns_of(tokens, timezone.now(), grant.refresh_token) | {"failing_since": None, "leased_until": None}
    # Also where our lease ran out meanwhile: what we hold is newer than what the row has.
    current = Grant.objects.filter(pk=grant.pk, generation=grant.generation)
    if current.update(**columns, generation=F("generation") + 1):
        # Whoever keeps the configuration at hand sees that it is another.
        Integration.objects.filter(pk=grant.integration_id).update(updated_at=timezone.now())
    _reload(grant)


@transaction.atomic
def _refuse(grant: Grant, error: str) -> bool:
    """Marks the integration, which stops its deliveries without losing them; its owner is told by a job.

    Returns whether it is the current tokens that are refused.
    """
    integration = Integration.objects.live().select_for_update().filter(pk=grant.integration_id).first()
    current = Grant.objects.filter(pk=grant.pk, generation=grant.generation, refused_at=None)
    if integration is None or not current.update(refused_at=timezone.now(), refusal=error[:100], leased_until=None):
        return False
    if integration.status != Integration.Status.PAUSED:
        name = registry.get(integration.type).name
        change_status(
            integration, Integration.Status.NEEDS_RECONNECT, f"{name} no longer accepts the connection: connect again."
        )
    audit(Action.REFUSED, integration.type, owner=integration.owner, account=grant.account, detail=error)
    return True


@transaction.atomic
def _put_off(grant: Grant, reason: str) -> None:
    now, integration = timezone.now(), grant.integration
    current = Grant.objects.filter(pk=grant.pk, generation=grant.generation)
    current.update(leased_until=None)
    current.exclude(refresh_at=None).update(refresh_at=now + AGAIN)
    if current.filter(failing_since=None).update(failing_since=now):  # once, not every minute of an outage
        audit(
            Action.REFRESH_FAILED,
            integration.type,
            owner_id=integration.owner_id,
            account=grant.account,
            detail=reason,
        )


def _name(grant: Grant) -> str:
    return registry.get(grant.integration.type).name


def run(integration: Integration, config: ConnectorConfig, call: Callable[[Any], Flow[T]]) -> T:
    """Drives `call(config)` to its end, with an access token where the integration has a grant; may wait for one."""
    deadline = time.monotonic() + PATIENCE
    while True:
        grant = grants_of([integration.pk]).get(integration.pk)
        try:
            return run_flow(authorized(grant, config, call) if grant else call(config))
        except BeingRefreshed:
            if time.monotonic() > deadline:
                raise ConnectionFailed(f"The connection to {integration.type} is being renewed: try again.") from None
            time.sleep(LOOK_EVERY)


def refresh_due(limit: int = 100) -> int:
    """Refreshes the grants whose time has come, all at once. Returns how many were tried."""
    now = timezone.now()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    due = Grant.objects.filter(free, refresh_at__lte=now, refused_at=None, integration__deleted_at=None)
    # Tokens are read in each flow, so that what cannot be decrypted spoils only itself.
    unread = due.select_related("integration").defer("tokens", "integration__secrets")
    grants = list(unread.order_by("refresh_at")[:limit])
    if not grants:
        return 0
    with FlowDriver[int]() as driver:
        for grant in grants:
            driver.start(grant.pk, refresh(grant))
        left = len(grants)
        while left:
            for finished in driver.poll(60):
                left -= 1
                if finished.error and not isinstance(finished.error, IntegrationError | BeingRefreshed):
                    log.error("refresh_crashed", grant=finished.key, exc_info=finished.error)
    return len(grants)

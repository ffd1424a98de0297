"""Token refresh: before a token expires, and when the provider refuses it; by one caller at a time.

A refresh is a flow, so that the delivery engine drives it among its deliveries. The caller that refreshes takes a
lease on the grant's row; the others wait until the row has changed. A row lock held until the provider has answered
would do the same, but only for callers that may block, and it would keep a transaction open for as long.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from integrations import registry
from integrations.core.errors import AuthFailed, ConnectionFailed, IntegrationError, NotNow, RateLimited
from integrations.core.http import Flow
from integrations.core.inbound import ConnectionEnd
from integrations.egress.curl import FlowDriver
from integrations.models import Integration
from integrations.services import change_status
from invenicum.audit.services import Action, record
from invenicum.transactions import bounded

from .clients import client_for
from .errors import NotConfigured
from .models import Grant
from .protocol import TokenError, Tokens, refresh_request, token_flow

# A refresh lease lasts this much longer than a flow can take.
REFRESH_LEASE_MARGIN = timedelta(seconds=30)
# A token is refreshed this long before it expires, or half its lifetime before if that is less.
REFRESH_BEFORE_EXPIRY = timedelta(minutes=5)
# A refresh that failed for a reason that may pass is tried again after this time.
REFRESH_RETRY_DELAY = timedelta(seconds=60)

log = structlog.get_logger(__name__)


class BeingRefreshed(NotNow):
    """Another caller is refreshing these tokens: try again in a moment."""


class NeedsReconnect(AuthFailed):
    """The provider no longer accepts these tokens: their owner has to connect again.

    `name` is the service's name, e.g. `Dropbox`.
    """

    def __init__(self, name: str):
        super().__init__(f"The connection to {name} is no longer accepted: connect it again.")


def columns_of(tokens: Tokens, now: datetime, refresh_token: str = "") -> dict[str, Any]:
    """The columns of a grant whose `tokens` are issued at `now`: `tokens`, `refreshed_at`, `expires_at`, `refresh_at`.

    `refresh_token` is the one so far: it stays if the provider sends no new one with the tokens.
    """
    kept = {"access": tokens.access, "refresh": tokens.refresh or refresh_token}
    columns = {"tokens": {name: token for name, token in kept.items() if token}, "refreshed_at": now}
    if tokens.expires_in is None:
        return {**columns, "expires_at": None, "refresh_at": None}
    lifetime = timedelta(seconds=tokens.expires_in)
    due = now + lifetime - min(REFRESH_BEFORE_EXPIRY, lifetime / 2) if kept["refresh"] else None
    return {**columns, "expires_at": now + lifetime, "refresh_at": due}


def refresh(grant: Grant) -> Flow[None]:
    """Fetches new tokens for a grant and saves them, or loads those that another caller has just saved.

    Raises NeedsReconnect if the provider refuses for good, BeingRefreshed while another caller refreshes, or
    ConnectionFailed for a failure that may pass: RateLimited until the time that the token endpoint has asked for.
    """
    _keep_waiting(grant)
    if not _take_lease(grant):
        generation = grant.generation
        _reload(grant)
        if grant.generation != generation and not grant.refused_at:
            return
        if grant.refused_at:
            raise NeedsReconnect(_name(grant))
        _keep_waiting(grant)
        raise BeingRefreshed
    try:
        client = client_for(grant.integration.type)
        if not grant.is_of(client):  # the tokens must not be sent to another server, nor by another client
            if _refuse(grant, "issued to another client or by another server"):
                raise NeedsReconnect(client.name)
            return _reload(grant)
        if not grant.refresh_token:
            raise TokenError("invalid_grant", client.name)
        token = grant.refresh_token
        _save(grant, (yield from token_flow(client, refresh_request(client, token), token, grant.access_token)))
    except TokenError as error:
        if error.error in client.spec.refusals:
            if _refuse(grant, error.error):
                raise NeedsReconnect(client.name) from None
            return _reload(grant)  # another caller has saved new tokens
        # Our own client is refused, or the provider is at fault: the owner cannot help.
        _record_failure(grant, f"{client.name} answered {error.error}", error.retry_after)
        raise
    except ConnectionFailed as error:
        _record_failure(grant, error.message, error.retry_after)
        raise
    except NotConfigured as error:
        _record_failure(grant, error.message)
        raise ConnectionFailed(error.message) from None


def _take_lease(grant: Grant) -> bool:
    """Whether this caller has the lease: one UPDATE, of which the database lets one succeed."""
    now = timezone.now()
    free = (Q(leased_until=None) | Q(leased_until__lt=now)) & (Q(retry_at=None) | Q(retry_at__lte=now))
    mine = Grant.objects.filter(free, pk=grant.pk, generation=grant.generation, refused_at=None)
    lease = timedelta(seconds=settings.DELIVERY_TIMEOUT) + REFRESH_LEASE_MARGIN
    with bounded():
        return mine.update(leased_until=now + lease) == 1


def _keep_waiting(grant: Grant) -> None:
    """Raises RateLimited as long as the token endpoint has asked to wait."""
    seconds = (grant.retry_at - timezone.now()).total_seconds() if grant.retry_at else 0.0
    if seconds > 0:
        raise RateLimited(f"{_name(grant)} asks to wait before the next token.", retry_after=seconds)


def _reload(grant: Grant) -> None:
    try:
        grant.refresh_from_db(fields=[field.name for field in Grant._meta.fields if field.name != "integration"])
    except Grant.DoesNotExist:
        raise NeedsReconnect(_name(grant)) from None


@bounded()
def _save(grant: Grant, tokens: Tokens) -> None:
    columns = columns_of(tokens, timezone.now(), grant.refresh_token)
    columns |= {"failing_since": None, "retry_at": None, "leased_until": None}
    # Even if our lease has expired: our tokens are newer than those of the row.
    current = Grant.objects.filter(pk=grant.pk, generation=grant.generation)
    if current.update(**columns, generation=F("generation") + 1):
        # Caches of the integration see by this that it has changed.
        Integration.objects.filter(pk=grant.integration_id).update(updated_at=timezone.now())
    _reload(grant)


@bounded()
def _refuse(grant: Grant, error: str) -> bool:
    """Marks the integration, whose deliveries then wait; a job notifies its owner. Returns whether it is the current
    tokens that are refused."""
    integration = Integration.objects.live().select_for_update().filter(pk=grant.integration_id).first()
    current = Grant.objects.filter(pk=grant.pk, generation=grant.generation, refused_at=None)
    now = timezone.now()
    if integration is None or not current.update(refused_at=now, refusal=error[:100], leased_until=None):
        return False
    grant.refused_at = now
    if grant.is_needed and integration.status != Integration.Status.PAUSED:
        name = registry.get(integration.type).name
        change_status(
            integration, Integration.Status.NEEDS_RECONNECT, f"{name} no longer accepts the connection: connect again."
        )
    record(Action.REFUSED, type=integration.type, owner=integration.owner, account=grant.account, detail=error)
    return True


def note_ended(integration: Integration, end: ConnectionEnd) -> bool | None:
    """Refuses the grant of an integration that the caller has locked, as its provider ended the connection.

    Returns False if that was another app's, or before it was connected; and None if it has no grant.
    """
    grant = Grant.objects.filter(integration=integration).defer("tokens").first()
    if grant is None:
        return None
    is_of_another_app = grant.app_id and end.app_id and grant.app_id != end.app_id
    if is_of_another_app or grant.connected_at.timestamp() > end.at:
        return False
    reason = "ended by the provider"
    refused = {"refused_at": timezone.now(), "refusal": reason, "connection_ended": True}
    # The next generation, so that a refresh under way does not overwrite it.
    Grant.objects.filter(pk=grant.pk).update(**refused, refresh_at=None, generation=F("generation") + 1)
    record(Action.REFUSED, type=integration.type, owner=integration.owner, account=grant.account, detail=reason)
    return True


@bounded()
def _record_failure(grant: Grant, reason: str, wait_seconds: float | None = None) -> None:
    now, integration = timezone.now(), grant.integration
    grant.retry_at = now + timedelta(seconds=wait_seconds) if wait_seconds else None
    current = Grant.objects.filter(pk=grant.pk, generation=grant.generation)
    current.update(leased_until=None, retry_at=grant.retry_at)
    retry_at = max(now + REFRESH_RETRY_DELAY, grant.retry_at or now)
    current.exclude(refresh_at=None).update(refresh_at=retry_at)
    if current.filter(failing_since=None).update(failing_since=now):  # once, not every minute of an outage
        record(
            Action.REFRESH_FAILED,
            type=integration.type,
            owner_id=integration.owner_id,
            account=grant.account,
            detail=reason,
        )


def _name(grant: Grant) -> str:
    return registry.get(grant.integration.type).name


def due(now: datetime | Now) -> QuerySet[Grant]:
    """The grants to refresh at `now`, a time or an expression of the database."""
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    return Grant.objects.filter(free, refresh_at__lte=now, refused_at=None, integration__deleted_at=None)


def refresh_due(limit: int = 100) -> int:
    """Refreshes up to `limit` grants that are due, all at once. Returns how many were tried."""
    # Tokens are read in each flow, so that only the grant that cannot be decrypted fails.
    unread = due(timezone.now()).select_related("integration").defer("tokens", "integration__secrets")
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

"""Giving tokens back. The job is a row written with the change it belongs to, so that erasing here never waits for
the provider, nor fails with it; the tokens stay, encrypted, until they are given back or given up."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from fernet_fields import DecryptionError

from integrations import registry
from integrations.core.errors import ConnectionFailed, IntegrationError
from integrations.core.http import Flow
from integrations.egress.curl import run_flow
from integrations.models import Integration, RemoteJob
from integrations.services import erase

from .audit import Action, audit
from .clients import client_for
from .errors import NotConfigured
from .models import Grant, Revocation
from .protocol import Client, TokenError, is_revoked, read_tokens, refresh_request, revocation_requests

# Seconds before each try; after the last it is given up.
SCHEDULE = (0, 30, 300, 1800, 7200, 21600, 86400, 172800)
LEASE = timedelta(seconds=120)

log = structlog.get_logger(__name__)


def end_grant(grant: Grant) -> None:
    """Erases a grant in the caller's transaction, which queues its revocation (receivers.py)."""
    integration = grant.integration
    audit(Action.DISCONNECTED, integration.type, owner_id=integration.owner_id, account=grant.account)
    grant.delete()


def revocation_of(grant: Grant) -> Revocation:
    return Revocation(
        type=grant.integration.type,
        integration=grant.integration,
        account=grant.account,
        client_id=grant.client_id,
        tokens=grant.tokens,
        expires_at=grant.expires_at,
    )


def schedule(revocation: Revocation) -> None:
    """Queues a revocation, where the provider has a way to revoke."""
    spec = registry.get(revocation.type).oauth
    if spec and (spec.revoke_url or registry.get(revocation.type).endpoints.get("revokeUrl")):
        revocation.due_at = timezone.now()
        revocation.save()


@transaction.atomic
def disconnect(grant: Grant) -> None:
    """What an administrator does to a connection: the integration goes, and the tokens are given back."""
    integration = Integration.objects.live().select_for_update().filter(pk=grant.integration_id).first()
    if integration:
        audit(
            Action.REVOKED,
            integration.type,
            owner_id=integration.owner_id,
            account=grant.account,
            detail="by an administrator",
        )
        erase(integration)


def revoke_due(limit: int = 20) -> int:
    """Carries out the revocations that are due, one after the other. Returns how many were tried."""
    for count in range(limit):
        revocation = _claim(timezone.now())
        if revocation is None:
            return count
        _run(revocation)
    return limit


@transaction.atomic
def _claim(now: datetime) -> Revocation | None:
    # Removing a hook needs the tokens: that comes first.
    cleaning_up = RemoteJob.objects.filter(integration=OuterRef("integration"), kind=RemoteJob.Kind.DELETE)
    due = Revocation.objects.select_for_update(skip_locked=True, of=("self",)).filter(due_at__lte=now)
    revocation = due.exclude(Exists(cleaning_up)).defer("tokens").order_by("due_at", "pk").first()
    if revocation:
        revocation.due_at = now + LEASE
        revocation.attempt_count += 1
        revocation.save(update_fields=["due_at", "attempt_count"])
    return revocation


def _run(revocation: Revocation) -> None:
    try:
        client = client_for(revocation.type)
        if client.client_id != revocation.client_id:
            _end(revocation, Action.REVOCATION_GIVEN_UP, "The client it belonged to is no longer ours.")
        elif client.spec.revokes_account and _account_is_in_use(revocation):
            _end(revocation, Action.DISCONNECTED, "Erased here; another connection of the account goes on.")
        else:
            run_flow(_revoke(client, revocation))
            _end(revocation, Action.REVOKED)
    except (IntegrationError, NotConfigured) as error:
        _retry_or_give_up(revocation, error.message)
    except DecryptionError:
        _retry_or_give_up(revocation, "The tokens cannot be decrypted with the configured keys.")


def _account_is_in_use(revocation: Revocation) -> bool:
    """Whether revoking would end another connection: one consent of one account to one client stands behind both."""
    if not revocation.account:
        return True  # nobody can tell
    return Grant.objects.filter(client_id=revocation.client_id, account=revocation.account).exists()


def _revoke(client: Client, revocation: Revocation) -> Flow[None]:
    access, refresh = revocation.tokens.get("access", ""), revocation.tokens.get("refresh", "")
    expired = revocation.expires_at is not None and revocation.expires_at <= timezone.now()
    if expired and refresh and client.spec.revocation != "token":
        # What is given back by calling with the access token needs one that lives.
        response = yield refresh_request(client, refresh)
        try:
            tokens = read_tokens(client, response)
        except TokenError as error:
            if error.error in client.spec.refusals:
                return  # it is revoked already
            raise
        access = tokens.access
        revocation.tokens = {"access": access, "refresh": tokens.refresh or refresh}
        revocation.save(update_fields=["tokens"])
    for request in revocation_requests(client, access, refresh):
        response = yield request
        if not is_revoked(client, response):
            raise ConnectionFailed(f"{client.name} answered HTTP {response.status} to the revocation.")


def _retry_or_give_up(revocation: Revocation, error: str) -> None:
    log.warning("revocation_failed", revocation=revocation.pk, type=revocation.type, tries=revocation.attempt_count)
    if revocation.attempt_count >= len(SCHEDULE):
        _end(revocation, Action.REVOCATION_GIVEN_UP, error)
        return
    revocation.due_at = timezone.now() + timedelta(seconds=SCHEDULE[revocation.attempt_count])
    revocation.last_error = error[:500]
    revocation.save(update_fields=["due_at", "last_error"])


@transaction.atomic
def _end(revocation: Revocation, action: Action, detail: str = "") -> None:
    owner_id = revocation.integration.owner_id if revocation.integration else None
    audit(action, revocation.type, owner_id=owner_id, account=revocation.account, detail=detail)
    revocation.delete()

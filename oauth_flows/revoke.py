"""Revoking tokens at their provider.

A revocation is a job that is written with the change it belongs to, so that erasing here never waits for the provider,
nor fails with it. The tokens stay, encrypted, until they are revoked or given up.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from integrations import provider_jobs, registry
from integrations.core.answers import retry_after
from integrations.core.errors import ConnectionFailed
from integrations.core.http import Flow
from integrations.models import Integration, ProviderJob
from integrations.services import erase
from invenicum.accounts.models import User
from invenicum.audit.services import Action, record
from invenicum.encrypted_fields import DecryptionError
from invenicum.jobs import Failure, JobRunner

from .clients import client_for
from .errors import NotConfigured
from .models import Grant, Revocation, UnconfirmedConnection
from .protocol import Client, TokenError, Tokens, is_revoked, refresh_request, revocation_requests, token_flow
from .token_answers import value_at

REVOCATION_RETRY_SECONDS = (0, 30, 300, 1800, 7200, 21600, 86400, 172800)
UNREADABLE = "The tokens cannot be decrypted with the configured keys."

log = structlog.get_logger(__name__)


def end_grants(integration: Integration) -> None:
    """Erases an integration's grant, if it has one, in the caller's transaction, and queues its revocation."""
    for grant in Grant.objects.select_for_update().defer("tokens").filter(integration=integration):
        record(Action.DISCONNECTED, type=integration.type, owner_id=integration.owner_id, account=grant.account)
        try:
            schedule(revocation_of(grant, integration))
        except DecryptionError:  # without the key the provider cannot be called
            log.warning("grant_not_revoked", type=integration.type, grant=grant.pk)
        grant.delete()


def revocation_of(grant: Grant, integration: Integration) -> Revocation:
    """An unsaved revocation of the tokens of an integration's grant. Raises DecryptionError."""
    return Revocation(
        type=integration.type,
        integration_id=integration.pk,
        owner_id=integration.owner_id,
        account=grant.account,
        account_key=grant.account_key,
        client_id=grant.client_id,
        servers=grant.servers,
        tokens=grant.tokens,
        expires_at=grant.expires_at,
    )


def schedule(revocation: Revocation) -> None:
    """Queues an unsaved revocation, if the provider has a way to revoke."""
    spec = registry.get(revocation.type).oauth
    if spec and (spec.revoke_url or registry.get(revocation.type).endpoints.get("revokeUrl")):
        revocation.due_at = timezone.now()
        revocation.save()


def remove_target(integration_type: str, owner_id: int, tokens: Tokens) -> None:
    """Queues the removal of what a consent made at the provider, e.g. a webhook, if no connection came of it."""
    spec = registry.get(integration_type).oauth
    if spec and spec.makes_target:
        found = {alias: value_at(tokens.answer, path) for alias, path in spec.fills.items()}
        provider_jobs.schedule_removal(integration_type, owner_id, found | {"accessToken": tokens.access})


@transaction.atomic
def disconnect(grant: Grant) -> None:
    """Ends a connection for an administrator: erases the integration and queues the revocation of its tokens."""
    integration = Integration.objects.live().select_for_update().filter(pk=grant.integration_id).first()
    if integration:
        record(
            Action.REVOKED,
            type=integration.type,
            owner_id=integration.owner_id,
            account=grant.account,
            detail="by an administrator",
        )
        erase(integration)


class RevocationRunner(JobRunner[Revocation]):
    """Revokes tokens, and notes in the audit trail how that ended."""

    model = Revocation
    retry_seconds = REVOCATION_RETRY_SECONDS

    def claimable(self) -> QuerySet[Revocation]:
        # Removing a hook needs the tokens: that comes first.
        hooks = ProviderJob.objects.filter(integration_id=OuterRef("integration_id"), kind=ProviderJob.Kind.DELETE)
        return Revocation.objects.exclude(Exists(hooks)).defer("tokens")

    def flow(self, job: Revocation) -> Flow[datetime | None]:
        client = client_for(job.type)
        if not job.is_of(client):
            _end(job, Action.REVOCATION_GIVEN_UP, "Its OAuth client or server is no longer configured here.")
        elif client.spec.revokes_account and _account_is_in_use(client, job):
            _end(job, Action.DISCONNECTED, "Erased here, not revoked: another connection uses the account.")
        else:
            yield from _revoke(client, job)
            _end(job, Action.REVOKED)
        return None

    def failure_of(self, error: Exception) -> Failure | None:
        if isinstance(error, NotConfigured):
            return Failure(error.message)
        failure = provider_jobs.failure_of(error, UNREADABLE)
        # Tokens are too dangerous to be left alive for one answer that looks final.
        return failure and Failure(failure.message, retry_after=failure.retry_after)

    def give_up(self, job: Revocation, failure: Failure) -> None:
        _end(job, Action.REVOCATION_GIVEN_UP, failure.message)

    def describe(self, job: Revocation) -> dict[str, Any]:
        return {"type": job.type}


@transaction.atomic
def _end(revocation: Revocation, action: Action, detail: str = "") -> None:
    owner = User.objects.filter(pk=revocation.owner_id).first()
    record(action, type=revocation.type, owner=owner, account=revocation.account, detail=detail)
    Revocation.objects.filter(pk=revocation.pk).delete()


def _account_is_in_use(client: Client, revocation: Revocation) -> bool:
    """Whether revoking may also end another connection, because the account consented once for both."""
    same = {"client_id": revocation.client_id, "servers": revocation.servers}
    if client.spec.tells_account:
        if not revocation.account_key:
            return True  # not known, so it may be
        same["account_key"] = revocation.account_key
    return Grant.objects.filter(**same).exists() or UnconfirmedConnection.objects.filter(**same).exists()


def _revoke(client: Client, revocation: Revocation) -> Flow[None]:
    access, refresh = revocation.tokens.get("access", ""), revocation.tokens.get("refresh", "")
    expired = revocation.expires_at is not None and revocation.expires_at <= timezone.now()
    if expired and refresh and client.spec.revocation != "token":
        # Revoking by a call with the access token needs one that has not expired.
        try:
            tokens = yield from token_flow(client, refresh_request(client, refresh), refresh, access)
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
            message = f"{client.name} answered HTTP {response.status} to the revocation."
            raise ConnectionFailed(message, retry_after=retry_after(response))

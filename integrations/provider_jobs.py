"""Registering and removing hooks at a provider after a save or a delete.

The job is written with the change it belongs to and carried out afterwards, so that a save never waits for a provider
and a delete succeeds here even when the provider is down.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from invenicum.encrypted_fields import DecryptionError
from invenicum.jobs import Failure, JobRunner

from . import grants, registry
from .core.connector import Connector
from .core.errors import Gone, IntegrationError, InvalidConfig, NotSendable, Rejected
from .core.http import Flow, discreet
from .models import Integration, ProviderJob
from .signals import remote_state_changed

PROVIDER_JOB_RETRY_SECONDS = (0, 30, 300, 1800, 7200, 21600, 43200)
MAX_WAITING_DELETES = 10  # of one owner and type
# What another attempt of the same job cannot change. A save makes a new job.
HOPELESS = (InvalidConfig, Rejected, NotSendable, Gone)
UNREADABLE = "The stored secrets cannot be decrypted with the configured keys."

log = structlog.get_logger(__name__)


def schedule_save(integration: Integration) -> None:
    """Queues `on_save`, if its connector has one, in place of any earlier one that is still to be done.

    The caller has locked the integration. If its `on_save` runs at this moment, it runs once more afterwards.
    """
    if not _overrides(registry.get(integration.type), "on_save"):
        return
    now = timezone.now()
    if not _saves(integration).update(due_at=now, attempt_count=0, last_error=""):
        ProviderJob.objects.create(
            kind=ProviderJob.Kind.SAVE,
            type=integration.type,
            integration_id=integration.pk,
            owner_id=integration.owner_id,
            due_at=now,
        )


@transaction.atomic
def register_again(integration_id: UUID) -> bool:
    """Queues `on_save` of an integration as a save does. Returns whether its connector has one."""
    integration = Integration.objects.live().without_secrets().select_for_update().filter(pk=integration_id).first()
    if integration is None or not _overrides(registry.get(integration.type), "on_save"):
        return False
    schedule_save(integration)
    return True


def schedule_delete(integration: Integration) -> None:
    """Queues `on_delete` with a copy of all that it needs; call it before the integration is erased.

    If its owner has too many of this type waiting already, the provider is not told.
    """
    connector = registry.get(integration.type)
    _saves(integration).filter(leased_until=None).delete()  # one that runs finds that the integration is gone
    if (
        _overrides(connector, "on_delete")
        and _has_room(integration.type, integration.owner_id)
        and _is_readable(integration)
    ):
        access_token = grants.current().access_token(integration)
        ProviderJob.objects.create(
            kind=ProviderJob.Kind.DELETE,
            type=integration.type,
            integration_id=integration.pk,
            owner_id=integration.owner_id,
            payload={
                "config": integration.config,
                "secrets": integration.secrets | ({"accessToken": access_token} if access_token else {}),
                "state": integration.remote_state,
            },
            due_at=timezone.now(),
        )


def schedule_removal(integration_type: str, owner_id: int, values: Mapping[str, Any]) -> None:
    """Queues `on_delete` for what a provider made for an integration that never came to be.

    `values` is its configuration by JSON name. Nothing is queued if it cannot be used, or if too many of this type wait
    for this owner already.
    """
    if not _has_room(integration_type, owner_id):
        return
    try:
        registry.get(integration_type).Config.load(values, {})
    except InvalidConfig:
        return
    ProviderJob.objects.create(
        kind=ProviderJob.Kind.DELETE,
        type=integration_type,
        integration_id=uuid4(),
        owner_id=owner_id,
        payload={"config": {}, "secrets": dict(values), "state": {}},
        due_at=timezone.now(),
    )


def _saves(integration: Integration) -> QuerySet[ProviderJob]:
    return ProviderJob.objects.filter(integration_id=integration.pk, kind=ProviderJob.Kind.SAVE)


def _has_room(integration_type: str, owner_id: int) -> bool:
    """Whether an owner may queue another removal: with a provider that hangs they could be made by the thousand."""
    waiting = ProviderJob.objects.filter(owner_id=owner_id, type=integration_type, kind=ProviderJob.Kind.DELETE)
    if waiting.count() < MAX_WAITING_DELETES:
        return True
    log.warning("provider_not_told", type=integration_type, owner=owner_id, reason="too many wait")
    return False


def _is_readable(integration: Integration) -> bool:
    """Whether its secrets can be decrypted. If not, the provider cannot be called, and the delete continues without."""
    try:
        return integration.secrets is not None
    except DecryptionError:
        log.warning("provider_not_told", type=integration.type, integration=str(integration.pk))
        return False


def _overrides(connector: Connector, method: str) -> bool:
    return getattr(type(connector), method) is not getattr(Connector, method)


def failure_of(error: Exception, unreadable: str = UNREADABLE) -> Failure | None:
    """What the error of a flow means for its job. Returns None for a bug.

    `unreadable` is the sentence for secrets that cannot be decrypted: a missing key may come back.
    """
    match error:
        case IntegrationError():
            return Failure(error.message, isinstance(error, HOPELESS), error.retry_after)
        case DecryptionError():
            return Failure(unreadable)
    return None


class ProviderJobRunner(JobRunner[ProviderJob]):
    """Runs `on_save` and `on_delete` of connectors."""

    model = ProviderJob
    retry_seconds = PROVIDER_JOB_RETRY_SECONDS

    def claimable(self) -> QuerySet[ProviderJob]:
        return ProviderJob.objects.defer("payload")

    def flow(self, job: ProviderJob) -> Flow[datetime | None]:
        connector = registry.get(job.type)
        if job.kind == ProviderJob.Kind.SAVE:
            integration = Integration.objects.live().filter(pk=job.integration_id).first()
            return (yield from _save(connector, integration)) if integration else None
        config = connector.Config.load(job.payload["config"], job.payload["secrets"])
        yield from discreet(connector.on_delete(config, job.payload["state"]), config.secret_texts())
        return None

    def failure_of(self, error: Exception) -> Failure | None:
        return failure_of(error)

    def give_up(self, job: ProviderJob, failure: Failure) -> None:
        if job.kind == ProviderJob.Kind.DELETE:
            super().give_up(job, failure)  # with the row go the credentials in its payload
        else:
            self._rows(job).update(due_at=None, last_error=failure.message[:500], leased_until=None)

    def on_failure(self, job: ProviderJob, failure: Failure, *, given_up: bool) -> None:
        if job.kind == ProviderJob.Kind.SAVE:
            status = Integration.HookStatus.FAILED if given_up else Integration.HookStatus.RETRYING
            live = Integration.objects.live().filter(pk=job.integration_id)
            live.update(hook_status=status, hook_error=failure.message[:500])

    def describe(self, job: ProviderJob) -> dict[str, Any]:
        return {"kind": job.kind, "type": job.type}


def _save(connector: Connector, integration: Integration) -> Flow[datetime | None]:
    state = yield from grants.current().flow(
        integration,
        integration.load_config(),
        lambda config: discreet(connector.on_save(config, integration.remote_state), config.secret_texts()),
    )
    _keep_state(integration, state)
    renew_at = state.get("renewAt")  # Unix time
    return None if renew_at is None else datetime.fromtimestamp(renew_at, UTC)


@transaction.atomic
def _keep_state(integration: Integration, state: dict[str, Any]) -> None:
    kept = Integration.objects.live().filter(pk=integration.pk)
    integration.remote_state = state
    if not kept.update(remote_state=state, hook_status=Integration.HookStatus.NO_PROBLEM, hook_error=""):
        schedule_delete(integration)  # deleted during the registration: the hook must go
        return
    remote_state_changed.send(sender=Integration, integration=integration)

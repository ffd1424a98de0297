"""What a provider must be told after a save or a delete: hooks to register and to remove.

The job is a row written with the change it belongs to and carried out afterwards, so that a save never waits for
a provider and a delete succeeds here even when the provider is down.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db import Error, transaction
from django.utils import timezone
from fernet_fields import DecryptionError

from . import grants, registry
from .core.connector import Connector
from .core.errors import ConnectionFailed, IntegrationError, InvalidConfig
from .egress.curl import run_flow
from .models import Integration, RemoteJob
from .signals import remote_state_changed

# Seconds before each try; after the last the job is given up and the integration says so.
SCHEDULE = (0, 30, 300, 1800, 7200, 21600, 43200)
LEASE = timedelta(seconds=120)
NOT_REGISTERED = "The webhook could not be registered"

log = structlog.get_logger(__name__)


def schedule_save(integration: Integration) -> None:
    """Queues `on_save` for a connector that has one, in place of any that is still to be done."""
    connector = registry.get(integration.type)
    integration.remote_jobs.filter(kind=RemoteJob.Kind.SAVE).delete()
    if _overrides(connector, "on_save"):
        RemoteJob.objects.create(kind=RemoteJob.Kind.SAVE, integration=integration, due_at=timezone.now())


def schedule_delete(integration: Integration) -> None:
    """Queues `on_delete` with a copy of what it needs, before the integration is erased."""
    connector = registry.get(integration.type)
    integration.remote_jobs.filter(kind=RemoteJob.Kind.SAVE).delete()
    if _overrides(connector, "on_delete") and _is_readable(integration):
        access_token = grants.current().access_token(integration)
        RemoteJob.objects.create(
            kind=RemoteJob.Kind.DELETE,
            integration=integration,
            payload={
                "config": integration.config,
                "secrets": integration.secrets | ({"accessToken": access_token} if access_token else {}),
                "state": integration.remote_state,
            },
            due_at=timezone.now(),
        )


def _is_readable(integration: Integration) -> bool:
    """Whether its secrets can be decrypted. Without them nothing can be told to the provider, and a delete goes on."""
    try:
        return integration.secrets is not None
    except DecryptionError:
        log.warning("provider_not_told", type=integration.type, integration=str(integration.pk))
        return False


def _overrides(connector: Connector, method: str) -> bool:
    return getattr(type(connector), method) is not getattr(Connector, method)


def run_due_jobs(limit: int = 20) -> int:
    """Carries out the jobs that are due, one after the other. Returns how many were tried."""
    for count in range(limit):
        job = _claim(timezone.now())
        if job is None:
            return count
        _run(job)
    return limit


@transaction.atomic
def _claim(now: datetime) -> RemoteJob | None:
    due = RemoteJob.objects.select_for_update(skip_locked=True, of=("self",)).filter(due_at__lte=now)
    # Without secrets: one job whose secrets cannot be decrypted must not keep the others from being found.
    rows = due.select_related("integration").defer("payload", "integration__secrets")
    job = rows.order_by("due_at", "pk").first()
    if job:
        job.due_at = now + LEASE
        job.attempt_count += 1
        job.save(update_fields=["due_at", "attempt_count"])
    return job


def _run(job: RemoteJob) -> None:
    renew_at: int | None = None
    try:
        if job.kind == RemoteJob.Kind.SAVE:
            renew_at = _save(job.integration)
        else:
            _delete(job)
    except IntegrationError as error:
        _retry_or_give_up(job, error)
    except DecryptionError:
        unreadable = "The stored secrets cannot be decrypted with the configured keys."
        _retry_or_give_up(job, InvalidConfig(unreadable, permanent=False))
    except Error:  # of the database: nothing can be noted now
        raise
    except Exception:
        log.exception("remote_job_crashed", job=job.pk, kind=job.kind, type=job.integration.type)
        _retry_or_give_up(job, ConnectionFailed("An error in the connector; it has been logged."))
    else:
        # A job that a later save has replaced is gone already.
        done = RemoteJob.objects.filter(pk=job.pk)
        if renew_at is None:
            done.delete()
        else:
            done.update(due_at=datetime.fromtimestamp(renew_at, UTC), attempt_count=0, last_error="")


def _save(integration: Integration) -> int | None:
    """Returns the Unix time at which to do it again, if any."""
    connector = registry.get(integration.type)
    state = grants.current().run(
        integration, integration.load_config(), lambda config: connector.on_save(config, integration.remote_state)
    )
    _keep_state(integration, state)
    return state.get("renewAt")


def _delete(job: RemoteJob) -> None:
    connector, payload = registry.get(job.integration.type), job.payload
    run_flow(connector.on_delete(connector.Config.load(payload["config"], payload["secrets"]), payload["state"]))


@transaction.atomic
def _keep_state(integration: Integration, state: dict[str, Any]) -> None:
    kept = Integration.objects.live().filter(pk=integration.pk).update(remote_state=state)
    integration.remote_state = state
    if not kept:  # deleted while we were at it: what was just made there has to go again
        schedule_delete(integration)
        return
    Integration.objects.filter(pk=integration.pk, status_reason__startswith=NOT_REGISTERED).update(status_reason="")
    remote_state_changed.send(sender=Integration, integration=integration)


def _retry_or_give_up(job: RemoteJob, error: IntegrationError) -> None:
    last = error.permanent or job.attempt_count >= len(SCHEDULE)
    log.warning("remote_job_failed", job=job.pk, kind=job.kind, type=job.integration.type, last=last)
    if last and job.kind == RemoteJob.Kind.DELETE:
        job.delete()  # with it go the credentials it kept
        return
    delay = None if last else timedelta(seconds=SCHEDULE[job.attempt_count])
    RemoteJob.objects.filter(pk=job.pk).update(
        last_error=error.message[:500], due_at=timezone.now() + delay if delay is not None else None
    )
    reason = f"{NOT_REGISTERED}{'' if last else ' yet, and is tried again'}: {error.message}"
    active = Integration.objects.live().filter(pk=job.integration_id, status=Integration.Status.ACTIVE)
    active.update(status_reason=reason[:500])

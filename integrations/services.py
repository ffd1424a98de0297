"""What users do with their integrations, and operators for them: save, pause, resume, delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from invenicum.accounts.models import User
from invenicum.audit.services import Action, record, target_of

from . import grants, missed, provider_jobs, registry, reserved_secrets, submissions
from .core.connector import Connector
from .core.errors import InvalidConfig
from .core.signing import verification_key
from .lookups import lock
from .models import PROBLEM_COLUMNS, Integration
from .signals import integration_deleted, integration_resumed, integration_stopped, target_may_work

CONNECT_AGAIN = "The service no longer accepts the connection: connect again."

Status, Fault = Integration.Status, Integration.Fault


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved integration, whether it is new, and what verifies its signatures if that was made for a new one.

    That is the signing secret, e.g. `whsec_…`, or the public key `whpk_…`.
    """

    integration: Integration
    created: bool
    signing_secret: str | None


def save_integration(
    owner: User, integration_type: str, values: Mapping[str, Any], *, is_active: bool | None = None
) -> Saved:
    """Creates the owner's integration of a type or replaces its configuration, keeping secrets that are blank.

    `values` is what the owner submits, by JSON name. `is_active` pauses or resumes it as well; with None a paused one
    stays paused, and all others are active. A job calls the provider afterwards.

    Raises UnknownType or InvalidConfig.
    """
    connector = registry.get(integration_type)
    try:
        return _save(connector, owner, values, is_active)
    except IntegrityError:  # another request has created it: now it can be updated
        return _save(connector, owner, values, is_active)


@transaction.atomic
def _save(connector: Connector, owner: User, values: Mapping[str, Any], is_active: bool | None) -> Saved:
    stored = submissions.readable(
        Integration.objects.live().select_for_update().filter(owner=owner, type=connector.type)
    )
    config, connected = submissions.parse(connector, values, stored)
    integration = stored or Integration(owner=owner, type=connector.type)
    was = integration.status if stored else None
    if stored and connector.oauth and not connected:
        grants.current().end(integration)
        integration.account = ""
    refused = connected and grants.current().is_refused(integration)
    was_incomplete = stored is not None and missing(stored) is not None
    target, before = stored.target() if stored else None, _values(integration)
    generated = integration.apply(connector, config, reserved_secrets.take(connector, owner, config))
    if is_active is None:
        is_active = was_incomplete or was != Status.PAUSED
    integration.stop_reason = CONNECT_AGAIN if refused else ""
    integration.status = Status.PAUSED if not is_active else Status.NEEDS_RECONNECT if refused else Status.ACTIVE
    has_new_target = target != integration.target()
    if has_new_target or was != Status.ACTIVE:
        integration.failing_since = None
    # Saving the same target again is the owner's word that it has been repaired; a service recovers by itself.
    may_work = has_new_target or was != Status.ACTIVE or integration.problem_fault not in ("", Fault.SERVICE)
    if may_work:
        integration.clear_problem()
    integration.save()
    _record(Action.INTEGRATION_SAVED, integration, _change(before, _values(integration)))
    provider_jobs.schedule_save(integration)
    if was is not None:
        _announce(integration, was)
    elif integration.is_active:
        integration.missed = missed.count(integration)
    if stored is not None and may_work:
        target_may_work.send(sender=Integration, integration=integration, is_new=has_new_target)
    made = generated.get(connector.signing_secret or "")
    return Saved(
        integration=integration,
        created=stored is None,
        signing_secret=verification_key(made) if made and stored is None else None,
    )


def missing(integration: Integration) -> InvalidConfig | None:
    """The error in the stored configuration, or None: one that OAuth connected may have to be completed yet."""
    try:
        integration.load_config()
    except InvalidConfig as error:
        return error
    return None


@transaction.atomic
def set_active(owner: User, integration_type: str, is_active: bool) -> Integration:
    """Pauses or resumes the owner's integration of a type and returns it.

    Raises IntegrationNotFound, or InvalidConfig if it cannot be active: its configuration is incomplete, or its
    provider refuses the OAuth grant.
    """
    integration = lock(owner, integration_type)
    if is_active:
        resume(integration)
    else:
        pause(integration)
    return integration


def pause(integration: Integration) -> None:
    """Stops the deliveries of an integration that the caller has locked. Events of the pause are not sent to it."""
    if integration.status != Status.PAUSED:
        _record(Action.INTEGRATION_PAUSED, integration)
    change_status(integration, Status.PAUSED)


def resume(integration: Integration) -> None:
    """Makes an integration active that the caller has locked, and has what waits sent, also if it is active already.

    Raises InvalidConfig as `set_active` does.
    """
    if error := missing(integration):
        raise error
    if grants.current().is_refused(integration):
        raise InvalidConfig(CONNECT_AGAIN)
    if not integration.is_active:
        _record(Action.INTEGRATION_RESUMED, integration)
    change_status(integration, Status.ACTIVE)
    target_may_work.send(sender=Integration, integration=integration, is_new=False)


def change_status(integration: Integration, status: str, reason: str = "") -> None:
    """Sets the status of an integration that the caller has locked, and sends the signal of the change.

    `reason` is a sentence for its owner, e.g. "No delivery succeeded for five days.", cut to 500 characters.
    """
    was = integration.status
    integration.status, integration.stop_reason = status, reason[:500]
    if status == Status.ACTIVE:
        integration.failing_since = None
        integration.clear_problem()
    integration.save(update_fields=["status", "stop_reason", "failing_since", *PROBLEM_COLUMNS, "updated_at"])
    _announce(integration, was)


def _announce(integration: Integration, was: str) -> None:
    now_active = integration.status == Status.ACTIVE
    if now_active and was != Status.ACTIVE:
        integration_resumed.send(sender=Integration, integration=integration)
        integration.missed = missed.count(integration)
    elif not now_active and was == Status.ACTIVE:
        integration_stopped.send(sender=Integration, integration=integration)


@transaction.atomic
def delete_integration(owner: User, integration_type: str) -> Integration:
    """Erases the owner's integration of a type, with its credentials. Hooks and tokens at the provider go by jobs.

    Returns the row that the delivery log keeps. Raises IntegrationNotFound.
    """
    integration = lock(owner, integration_type)
    erase(integration)
    return integration


def erase(integration: Integration) -> None:
    """Erases an integration that the caller has locked: no config, no secrets, no pending deliveries are left."""
    _record(Action.INTEGRATION_DELETED, integration)
    provider_jobs.schedule_delete(integration)
    integration.become_tombstone()
    integration.save()
    integration.remote_ids.all().delete()
    integration_deleted.send(sender=Integration, integration=integration)


@transaction.atomic
def erase_all(chosen: QuerySet[Integration]) -> int:
    """Erases all of `chosen` that are live, for an operator, as `erase` does. Returns how many."""
    integrations = list(Integration.objects.live().filter(pk__in=chosen.values("pk")).select_for_update())
    for integration in integrations:
        erase(integration)
    return len(integrations)


def _record(action: Action, integration: Integration, detail: str = "") -> None:
    record(
        action,
        target=target_of(integration),
        type=integration.type,
        account=integration.account,
        owner_id=integration.owner_id,
        detail=detail,
    )


def _values(integration: Integration) -> dict[str, Any]:
    return {**integration.config, **integration.secrets, "status": integration.status}


def _change(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The names of what differs, for the audit trail: `Changed: events, secret.`"""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return f"Changed: {', '.join(names)}." if names else "Nothing changed."

"""What views, the admin and commands can do with integrations. Each call is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from fernet_fields import DecryptionError

from invenicum.accounts.models import User

from . import grants, missed, outgoing_slots, provider_jobs, registry, reserved_secrets
from .core.config import ConnectorConfig
from .core.connector import Connector, TestResult
from .core.errors import InvalidConfig
from .core.http import Flow, discreet
from .core.inbound import ConnectionEnd
from .core.memory import Notes, with_memory
from .core.redaction import redact, redact_values
from .core.signing import ROTATION_OVERLAP_SECONDS, verification_key
from .credentials import gives_key, keep_secrets
from .destinations import check_ports
from .egress.curl import run_flow
from .models import PROBLEM_COLUMNS, Integration, IntegrationQuerySet
from .signals import integration_deleted, integration_resumed, integration_stopped, target_may_work

CONNECT_AGAIN = "The service no longer accepts the connection: connect again."

Status, Fault = Integration.Status, Integration.Fault


class IntegrationNotFound(LookupError):
    """The user has no such integration."""


class NoSigningSecret(LookupError):
    """This type signs nothing, or nothing is stored yet."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved integration, whether it is new, and what verifies its signatures if that was made for a new one.

    That is the signing secret, e.g. `whsec_…`, or the public key `whpk_…`.
    """

    integration: Integration
    created: bool
    signing_secret: str | None


def find(owner: User, integration_type: str) -> Integration:
    """The owner's integration of a type, e.g. `slack`. Its secrets are read and decrypted only when they are used.

    Raises IntegrationNotFound.
    """
    try:
        return Integration.objects.live().without_secrets().get(owner=owner, type=integration_type)
    except Integration.DoesNotExist:
        raise IntegrationNotFound(integration_type) from None


def find_many(wanted: Collection[tuple[int, str]]) -> dict[tuple[int, str], Integration]:
    """The same for many: integrations by (primary key of the owner, type), those that exist. One statement."""
    if not wanted:
        return {}
    owners, types = {owner for owner, _ in wanted}, {type_ for _, type_ in wanted}
    rows = Integration.objects.live().without_secrets().filter(owner__in=owners, type__in=types)
    return {(row.owner_id, row.type): row for row in rows}


def active_types(owners: Collection[int]) -> dict[int, set[str]]:
    """The types of which owners have an active integration, by the owner's primary key. One statement."""
    found: dict[int, set[str]] = {}
    if owners:
        rows = Integration.objects.live().filter(owner__in=owners, status=Status.ACTIVE).order_by()
        for owner, type_ in rows.values_list("owner", "type"):
            found.setdefault(owner, set()).add(type_)
    return found


def statuses(active: Collection[str]) -> dict[str, bool]:
    """Each integration type, and whether it is among `active`: `{"s3": false, "slack": true, …}`."""
    return {connector.type: connector.type in active for connector in registry.CONNECTORS}


def inbound_url(integration: Integration) -> str | None:
    """The integration's own address for requests of its service, or None if this service sends none.

    For example `https://integrations.example.com/webhooks/github/0197…`.
    """
    if registry.get(integration.type).inbound is None:
        return None
    return f"{settings.PUBLIC_URL}/webhooks/{integration.type}/{integration.id}"


def test_connection(owner: User, integration_type: str, values: Mapping[str, Any]) -> TestResult:
    """Tries a configuration without saving it, with the stored secrets for those that are blank.

    `values` is what the owner submits, by JSON name. What is sent is signed with the secret that a save would use.
    If what is saved is what was tried, and its deliveries have failed, those that wait are sent. Returns a sentence and
    facts to show, e.g. the account's name.
    It takes at most CONNECTION_TEST_TIMEOUT. Raises UnknownType, QuotaExceeded if too many are under way, or an
    IntegrationError: InvalidConfig for the values, the others for what the service answered.
    """
    connector = registry.get(integration_type)
    stored = _stored(owner, integration_type)
    config, connected = _parse(connector, values, stored)
    config = reserved_secrets.sign_as_saved(connector, owner, config)
    timeout = settings.CONNECTION_TEST_TIMEOUT
    with outgoing_slots.hold(timeout, owner.pk):
        if stored and connected:
            result = grants.current().run(stored, config, lambda current: _test(connector, current), timeout)
        else:
            result = run_flow(_test(connector, config), timeout, account=owner.pk)
    if stored and (stored.failing_since or stored.problem_fault):
        _try_again(stored, config)
    return result


@transaction.atomic
def _try_again(tested: Integration, config: ConnectorConfig) -> None:
    """Sends what waits if the configuration that was tested is still the saved one."""
    rows = Integration.objects.live().select_for_update().filter(pk=tested.pk, status=Status.ACTIVE)
    integration = _readable(rows)
    if integration and integration.is_target_of(config):
        integration.clear_problem()
        integration.save(update_fields=[*PROBLEM_COLUMNS])
        target_may_work.send(sender=Integration, integration=integration, is_new=False)


def submitted(owner: User, integration_type: str, values: Mapping[str, Any]) -> tuple[ConnectorConfig, bool]:
    """The configuration that a save of `values` would store, and whether it keeps an OAuth grant. Raises as that does.

    Secrets that the save would generate are missing.
    """
    return _parse(registry.get(integration_type), values, _stored(owner, integration_type))


def _stored(owner: User, integration_type: str) -> Integration | None:
    return _readable(Integration.objects.live().filter(owner=owner, type=integration_type))


def _test(connector: Connector, config: ConnectorConfig) -> Flow[TestResult]:
    """The test, of whose secrets its answer repeats none."""
    secrets = config.secret_texts()
    result = yield from discreet(with_memory(connector.test(config), Notes()), secrets)
    return TestResult(redact(result.message, secrets), redact_values(result.metadata, secrets))


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
    stored = _readable(Integration.objects.live().select_for_update().filter(owner=owner, type=connector.type))
    config, connected = _parse(connector, values, stored)
    integration = stored or Integration(owner=owner, type=connector.type)
    was = integration.status if stored else None
    if stored and connector.oauth and not connected:
        grants.current().end(integration)
        integration.account = ""
    refused = connected and grants.current().is_refused(integration)
    was_incomplete = stored is not None and missing(stored) is not None
    target = stored.target() if stored else None
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


def _readable(rows: IntegrationQuerySet) -> Integration | None:
    """The one integration in `rows`. Secrets that cannot be decrypted count as absent: its owner can give new ones."""
    try:
        return rows.first()
    except DecryptionError:
        integration = rows.without_secrets().get()
        integration.secrets = {}
        return integration


def missing(integration: Integration) -> InvalidConfig | None:
    """The error in the stored configuration, or None: one that OAuth connected may have to be completed yet."""
    try:
        integration.load_config()
    except InvalidConfig as error:
        return error
    return None


def _parse(connector: Connector, values: Mapping[str, Any], stored: Integration | None) -> tuple[ConnectorConfig, bool]:
    """The configuration, and whether it keeps its OAuth grant, which a submitted key replaces."""
    connected = False
    if stored:
        if connector.oauth and not gives_key(connector.Config, values, stored.secrets):
            connected = grants.current().is_connected(stored)
        values = keep_secrets(
            connector.Config,
            values,
            stored.config,
            stored.secrets,
            connected=connected,
            generated=stored.generated_names,
        )
    if connector.oauth and connector.oauth.required and not connected:
        raise InvalidConfig(
            f"{connector.name} is connected with OAuth: begin with GET /integrations/oauth/authorize/{connector.type}."
        )
    if connector.oauth and not connected:
        values = {name: value for name, value in values.items() if name not in connector.oauth.fills_only_connected}
    config = connector.Config.parse(values, connected=connected)
    check_ports(config)
    return config, connected


@transaction.atomic
def set_active(owner: User, integration_type: str, is_active: bool) -> Integration:
    """Pauses or resumes the owner's integration of a type and returns it.

    Raises IntegrationNotFound, or InvalidConfig if it cannot be active: its configuration is incomplete, or its
    provider refuses the OAuth grant.
    """
    integration = _lock(owner, integration_type)
    if is_active:
        resume(integration)
    else:
        pause(integration)
    return integration


def pause(integration: Integration) -> None:
    """Stops the deliveries of an integration that the caller has locked. Events of the pause are not sent to it."""
    change_status(integration, Status.PAUSED)


def resume(integration: Integration) -> None:
    """Makes an integration active that the caller has locked, and has what waits sent, also if it is active already.

    Raises InvalidConfig as `set_active` does.
    """
    if error := missing(integration):
        raise error
    if grants.current().is_refused(integration):
        raise InvalidConfig(CONNECT_AGAIN)
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
    integration = _lock(owner, integration_type)
    erase(integration)
    return integration


def erase(integration: Integration) -> None:
    """Erases an integration that the caller has locked: no config, no secrets, no pending deliveries are left."""
    provider_jobs.schedule_delete(integration)
    integration.become_tombstone()
    integration.save()
    integration.remote_ids.all().delete()
    integration_deleted.send(sender=Integration, integration=integration)


def signing_secret(owner: User, integration_type: str) -> str:
    """What verifies what is sent: the signing secret, e.g. `whsec_…`, or the public key `whpk_…` of a private one.

    Before the first save it is that of the secret that a test was signed with.

    Raises UnknownType, IntegrationNotFound or NoSigningSecret.
    """
    try:
        return verification_key(_signing_secret(find(owner, integration_type)))
    except IntegrationNotFound:
        if reserved := reserved_secrets.read(integration_type, owner):
            return verification_key(reserved)
        raise


@transaction.atomic
def rotate_signing_secret(owner: User, integration_type: str) -> tuple[str, datetime]:
    """Makes a new signing secret. Returns what verifies it, and the time until which the previous one signs too.

    Raises UnknownType, IntegrationNotFound, NoSigningSecret or InvalidConfig.
    """
    integration = _lock(owner, integration_type)
    old = _signing_secret(integration)
    connector = registry.get(integration_type)
    field = connector.signing_secret or ""
    new = connector.generated_secrets(integration.load_config().model_copy(update={field: None}))[field]
    until = timezone.now() + timedelta(seconds=ROTATION_OVERLAP_SECONDS)
    integration.secrets |= {field: new, "previousSecret": old, "previousSecretUntil": int(until.timestamp())}
    integration.save()
    return verification_key(new), until


def _signing_secret(integration: Integration) -> str:
    field = registry.get(integration.type).signing_secret
    secret: str | None = integration.secrets.get(field) if field else None
    if secret is None:
        raise NoSigningSecret(integration.type)
    return secret


def _lock(owner: User, integration_type: str) -> Integration:
    try:
        return Integration.objects.live().without_secrets().select_for_update().get(owner=owner, type=integration_type)
    except Integration.DoesNotExist:
        raise IntegrationNotFound(integration_type) from None


@transaction.atomic
def end_connection(integration_id: UUID, end: ConnectionEnd) -> None:
    """Stops an integration whose provider says that it ended the connection, e.g. because its app was removed.

    An OAuth connection has to be connected again, any other is disabled. Nothing happens if it was connected, or saved,
    after that, or is a connection to another app.
    """
    integration = Integration.objects.live().without_secrets().select_for_update().filter(pk=integration_id).first()
    if integration is None:
        return
    refused = grants.current().note_ended(integration, end)
    if refused is False or (refused is None and integration.updated_at.timestamp() > end.at):
        return
    if integration.status != Status.PAUSED:
        name = registry.get(integration.type).name
        what = "connect again" if refused else "set it up again in " + name
        status = Status.NEEDS_RECONNECT if refused else Status.DISABLED
        change_status(integration, status, f"The app was removed from {name}, or its token revoked: {what}.")


@transaction.atomic
def disable(integration_id: UUID, reason: str) -> bool:
    """Stops an integration whose endpoint is gone or keeps failing; its owner can resume it.

    `reason` is a sentence for its owner. Returns whether it was active.
    """
    integration = Integration.objects.live().without_secrets().select_for_update().filter(pk=integration_id).first()
    if integration is None or not integration.is_active:
        return False
    change_status(integration, Status.DISABLED, reason)
    return True

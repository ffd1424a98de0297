"""Stores a connection that a provider has granted, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations import provider_jobs, registry
from integrations.core.connector import Connector
from integrations.core.errors import InvalidConfig
from integrations.credentials import bound_secrets
from integrations.models import Integration
from integrations.services import change_status
from integrations.signals import target_may_work
from invenicum.accounts.models import User
from invenicum.audit.services import Action, record

from .code_exchange import Connection
from .errors import TokensUnused
from .models import Grant, Revocation
from .protocol import Client, Tokens
from .refresh import columns_of
from .revoke import remove_target, revocation_of, schedule
from .token_answers import account_key, app_id, value_at

SERVER_FIELD = "baseUrl"  # the field of a self-hosted service's config that names the server

Status = Integration.Status


@dataclass(frozen=True, slots=True)
class Connected:
    """The integration that is connected now, the service's `name`, and the app's page to return to ("" for none)."""

    integration: Integration
    name: str
    return_url: str = ""


def connect(owner: User, client: Client, connection: Connection) -> Integration:
    """Connects the owner's integration, new or not, with what `client` was given. Returns it, saved: active, or paused
    with a `status_reason` like `Connected. Still needed: project.` if its config lacks something.

    Raises TokensUnused if the token answer fills in values that its config cannot take.
    """
    try:
        return _connect(owner, client, connection)
    except IntegrityError:  # another request created the integration in the meantime: now it can be locked
        return _connect(owner, client, connection)


@transaction.atomic
def _connect(owner: User, client: Client, connection: Connection) -> Integration:
    tokens, account = connection.tokens, connection.account
    connector = registry.get(client.type)
    integration = Integration.objects.live().select_for_update().filter(owner=owner, type=client.type).first()
    if integration is None:
        integration = Integration(owner=owner, type=client.type, status=Status.PAUSED)
    public, secrets = _values(connector, integration, client, tokens)
    is_replaced = any(integration.secrets.get(alias, value) != value for alias, value in secrets.items())
    if client.spec.makes_target and is_replaced and Grant.objects.filter(integration=integration).exists():
        provider_jobs.schedule_delete(integration)
    try:
        config = connector.Config.load(public, secrets)
    except InvalidConfig as error:
        if set(error.details) & set(client.spec.fills) & ({*public} | {*secrets}):
            message = f"{client.name} answered with something that Invenicum cannot use."
            raise TokensUnused(message, tokens) from None
        integration.apply_incomplete(public, secrets)
        status, reason = Status.PAUSED, f"Connected. Still needed: {' and '.join(error.details)}."
    else:
        integration.apply(connector, config)
        status, reason = Status.ACTIVE, ""
    integration.account = account
    integration.save()
    if status == Status.ACTIVE:
        provider_jobs.schedule_save(integration)
        target_may_work.send(sender=Integration, integration=integration, is_new=True)
    change_status(integration, status, reason)
    _replace_grant(integration, client, tokens, account)
    return integration


def _values(
    connector: Connector, integration: Integration, client: Client, tokens: Tokens
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Public and secret values: those in the token answer, and those stored, without the keys that OAuth replaces and
    without secrets that would now be sent elsewhere."""
    facts = {fact.alias: fact for fact in connector.Config.facts()}
    public, filled = dict(integration.config), dict[str, Any]()
    if SERVER_FIELD in facts:
        # The token goes to the server that issued it, whatever the config said before.
        public.pop(SERVER_FIELD, None)
        public |= {SERVER_FIELD: client.server} if client.server else {}
    for alias, path in client.spec.fills.items():
        value = value_at(tokens.answer, path)
        if value is not None:
            (filled if facts[alias].secret else public)[alias] = value
    bound = bound_secrets(connector.Config, integration.config, integration.secrets, public | filled)
    return public, {alias: value for alias, value in bound.items() if not facts[alias].oauth_replaces} | filled


def _replace_grant(integration: Integration, client: Client, tokens: Tokens, account: str) -> None:
    old = Grant.objects.select_for_update().filter(integration=integration).first()
    now, key = timezone.now(), account_key(client.spec, tokens.answer, account)
    columns = {
        "account": account,
        "account_key": key,
        "client_id": client.client_id,
        "servers": client.servers,
        "scopes": list(client.spec.scopes if tokens.scopes is None else tokens.scopes),
        "app_id": app_id(client.spec, tokens.answer),
        "connected_at": now,
        **columns_of(tokens, now),
    }
    if client.spec.delivery_use == "none":
        columns["refresh_at"] = None
    if old is None:
        Grant.objects.create(integration=integration, **columns)
    else:
        if old.account_key != key or not old.is_of(client):
            schedule(revocation_of(old, integration))
        # A refresh of the old tokens that is under way finds another generation and does not overwrite these.
        times = dict.fromkeys(("failing_since", "retry_at", "refused_at", "owner_notified_at"))
        no_failure = {**times, "refusal": "", "connection_ended": False}
        current = {**columns, **no_failure, "leased_until": None, "generation": old.generation + 1}
        Grant.objects.filter(pk=old.pk).update(**current)
    record(
        Action.RECONNECTED if old else Action.CONNECTED,
        type=client.type,
        owner=integration.owner,
        actor=integration.owner,
        account=account,
    )


def revoke_unused(owner: User, client: Client, tokens: Tokens) -> None:
    """Queues the revocation of tokens that were issued to `client` for `owner` but belong to no connection."""
    columns = columns_of(tokens, timezone.now())
    kept = {name: columns[name] for name in ("tokens", "expires_at")}
    of_client = {"type": client.type, "client_id": client.client_id, "servers": client.servers}
    key = account_key(client.spec, tokens.answer, "")
    schedule(Revocation(owner_id=owner.pk, account_key=key, **of_client, **kept))
    remove_target(client.type, owner.pk, tokens)

"""Calls to a provider with the access token of a grant, which is refreshed when that is needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.utils import timezone
from pydantic import SecretStr

from integrations.core.config import ConnectorConfig
from integrations.core.errors import AuthFailed, ConnectionFailed, IntegrationError
from integrations.core.http import Flow, Request, Response
from integrations.egress.curl import run_flow
from integrations.models import Integration
from invenicum.encrypted_fields import DecryptionError
from invenicum.jobs import Postponed

from .models import Grant
from .refresh import BeingRefreshed, NeedsReconnect, refresh

# A refused token that was issued within this time is not refreshed: the next one would be refused as well.
FRESH_TOKEN_AGE = timedelta(seconds=60)
# A blocking caller waits this long for another caller's refresh, and looks this often whether it has ended.
TOKEN_REFRESH_WAIT_SECONDS = 30.0
TOKEN_REFRESH_POLL_SECONDS = 0.05

T = TypeVar("T")


def grants_of(integration_ids: Iterable[UUID]) -> dict[UUID, Grant]:
    """The grants of these integrations by integration id, in one statement; an integration without one is left out."""
    grants = Grant.objects.filter(integration_id__in=integration_ids).select_related("integration")
    try:
        found = list(grants)
    except DecryptionError:  # only the grant that cannot be decrypted fails, once its tokens are read
        found = list(grants.defer("tokens"))
    return {grant.integration_id: grant for grant in found}


def authorized(grant: Grant, config: ConnectorConfig, call: Callable[[Any], Flow[T]]) -> Flow[T]:
    """The flow `call(config)`, with the grant's access token as the config's `access_token`.

    The token is refreshed first if it is due, and once more if the provider refuses it nevertheless; `call` is then
    called a second time. If there is no valid token and none is needed, the config has none. `grant` is updated by
    every refresh. Returns what the flow returns. Raises what the flow raises, NeedsReconnect, or BeingRefreshed.
    """
    if _must_be_refreshed(grant):
        try:
            yield from _refresh_if_possible(grant)
        except (NeedsReconnect, ConnectionFailed):
            if grant.is_needed:
                raise
    token, statuses = grant.access_token, list[int]()
    try:
        return (yield from _recording_statuses(call(_with_token(config, grant)), token, statuses))
    except AuthFailed:
        # The token is not at fault if it was not sent, if it is valid but lacks a permission (403, of Dropbox 409), or
        # if it is so new that the next one would be refused as well.
        if not statuses or statuses[-1] in (403, 409) or grant.refreshed_at > timezone.now() - FRESH_TOKEN_AGE:
            raise
        try:
            yield from refresh(grant)
        except NeedsReconnect:
            if grant.is_needed:
                raise
    return (yield from call(_with_token(config, grant)))


def _must_be_refreshed(grant: Grant) -> bool:
    now = timezone.now()
    is_due = grant.refresh_at is not None and grant.refresh_at <= now
    if not (grant.refused_at or is_due or grant.is_expired(now)):
        return False
    return grant.is_needed or (grant.delivery_use == "optional" and not grant.refused_at)


def _with_token(config: ConnectorConfig, grant: Grant) -> ConnectorConfig:
    if grant.refused_at or (grant.is_expired(timezone.now()) and not grant.is_needed):
        return config
    return config.model_copy(update={"access_token": SecretStr(grant.access_token)})


def _refresh_if_possible(grant: Grant) -> Flow[None]:
    try:
        yield from refresh(grant)
    except (BeingRefreshed, ConnectionFailed):
        if grant.is_expired(timezone.now()):
            raise  # else the current token is still valid


def _recording_statuses(flow: Flow[T], token: str, statuses: list[int]) -> Flow[T]:
    """`flow`, recording the status of every response to a request that carried the token."""
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


def run(
    integration: Integration, config: ConnectorConfig, call: Callable[[Any], Flow[T]], timeout: float | None = None
) -> T:
    """Runs the flow `call(config)` and returns its result, with a valid access token if the integration has a grant.

    Blocks for at most `timeout` seconds; with None, up to `TOKEN_REFRESH_WAIT_SECONDS` longer than the flow if another
    caller is refreshing the token. Raises what the flow raises, NeedsReconnect, or ConnectionFailed.
    """
    deadline = time.monotonic() + (TOKEN_REFRESH_WAIT_SECONDS if timeout is None else timeout)
    while True:
        grant = grants_of([integration.pk]).get(integration.pk)
        left = None if timeout is None else max(deadline - time.monotonic(), 0.0)
        try:
            flow = authorized(grant, config, call) if grant else call(config)
            return run_flow(flow, left, account=integration.owner_id)
        except BeingRefreshed:
            if time.monotonic() > deadline:
                raise ConnectionFailed(f"The connection to {integration.type} is being renewed: try again.") from None
            time.sleep(TOKEN_REFRESH_POLL_SECONDS)


def flow(integration: Integration, config: ConnectorConfig, call: Callable[[Any], Flow[T]]) -> Flow[T]:
    """`run` as a flow for a durable job: raises Postponed while another caller is refreshing the token."""
    grant = grants_of([integration.pk]).get(integration.pk)
    try:
        return (yield from authorized(grant, config, call) if grant else call(config))
    except BeingRefreshed:
        raise Postponed from None

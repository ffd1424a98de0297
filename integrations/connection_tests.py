"""Testing a configuration: one request or a few to its service, before it is saved or afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from invenicum.accounts.models import User

from . import grants, outgoing_slots, registry, reserved_secrets, submissions
from .core.config import ConnectorConfig
from .core.connector import Connector, TestResult
from .core.http import Flow, discreet
from .core.memory import Notes, with_memory
from .core.redaction import redact, redact_values
from .egress.curl import run_flow
from .models import PROBLEM_COLUMNS, Integration
from .signals import target_may_work


def test_connection(owner: User, integration_type: str, values: Mapping[str, Any]) -> TestResult:
    """Tries a configuration without saving it, with the stored secrets for those that are blank.

    `values` is what the owner submits, by JSON name. What is sent is signed with the secret that a save would use.
    If what is saved is what was tried, and its deliveries have failed, those that wait are sent. Returns a sentence and
    facts to show, e.g. the account's name.
    It takes at most CONNECTION_TEST_TIMEOUT. Raises UnknownType, QuotaExceeded if too many are under way, or an
    IntegrationError: InvalidConfig for the values, the others for what the service answered.
    """
    connector = registry.get(integration_type)
    stored = submissions.stored(owner, integration_type)
    config, connected = submissions.parse(connector, values, stored)
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
    rows = Integration.objects.live().select_for_update().filter(pk=tested.pk, status=Integration.Status.ACTIVE)
    integration = submissions.readable(rows)
    if integration and integration.is_target_of(config):
        integration.clear_problem()
        integration.save(update_fields=[*PROBLEM_COLUMNS])
        target_may_work.send(sender=Integration, integration=integration, is_new=False)


def _test(connector: Connector, config: ConnectorConfig) -> Flow[TestResult]:
    """The test, of whose secrets its answer repeats none."""
    secrets = config.secret_texts()
    result = yield from discreet(with_memory(connector.test(config), Notes()), secrets)
    return TestResult(redact(result.message, secrets), redact_values(result.metadata, secrets))

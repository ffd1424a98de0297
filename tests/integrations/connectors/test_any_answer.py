"""Services, and servers that users name, answer what they like: a flow succeeds or fails with our own error."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.core.connector import Connector, TestResult
from integrations.core.errors import IntegrationError
from integrations.core.http import Flow, Response
from integrations.registry import CONNECTORS
from tests.flows import CREATED, DELETED, PING, REPORT, UPDATED, delivery
from tests.integrations.connectors.strangers import (
    ODD_BODIES,
    READ_BYTES,
    check_storable,
    end_of,
    responses,
)
from tests.integrations.connectors.test_every_connector import STATE, config_of

NOW = 1_772_879_400
each_connector = pytest.mark.parametrize("connector", [kind() for kind in CONNECTORS], ids=lambda kind: kind.type)
# As the Git platforms return a file: its text in Base64.
IN_FILES = [
    json.dumps({"content": base64.b64encode(body[:40_000]).decode(), "encoding": "base64", "sha": "1"}).encode()
    for body in ODD_BODIES
]
answers = st.lists(responses, min_size=1, max_size=5)


def deliveries(connector: Connector) -> list[Callable[[], Flow[Any]]]:
    config = config_of(connector)
    return [
        lambda event=event: delivery(connector, event, config, NOW)  # type: ignore[misc]
        for event in (CREATED, UPDATED, DELETED, PING, REPORT)
    ]


@each_connector
@settings(max_examples=30)
@given(answers=answers, event=st.integers(0, 4))
def test_a_delivery_ends_whatever_is_answered(connector: Connector, answers: list[Response], event: int) -> None:
    end_of(deliveries(connector)[event], answers)


@pytest.mark.parametrize(
    "connector", [kind() for kind in CONNECTORS if kind.most_at_once > 1], ids=lambda kind: kind.type
)
@settings(max_examples=30)
@given(answers=answers)
def test_deliveries_together_end_whatever_is_answered(connector: Connector, answers: list[Response]) -> None:
    ends = end_of(lambda: connector.deliver_many([CREATED, UPDATED, DELETED], config_of(connector), NOW), answers)
    assert isinstance(ends, IntegrationError) or len(ends) == 3


@each_connector
@settings(max_examples=15)
@given(answers=answers)
def test_a_test_ends_whatever_is_answered(connector: Connector, answers: list[Response]) -> None:
    result = end_of(lambda: connector.test(config_of(connector)), answers)
    if isinstance(result, TestResult):
        check_storable([result.message, result.metadata])


@each_connector
@settings(max_examples=15)
@given(first=answers, second=answers)
def test_a_save_and_a_removal_end_whatever_is_answered(
    connector: Connector, first: list[Response], second: list[Response]
) -> None:
    config = config_of(connector)
    state = end_of(lambda: connector.on_save(config, {}), first)
    if state is None or isinstance(state, IntegrationError):
        state = STATE
    check_storable(state)
    again = end_of(lambda: connector.on_save(config, state), second)
    if isinstance(again, dict):
        check_storable(again)
    end_of(lambda: connector.on_delete(config, state), second)


@each_connector
@pytest.mark.parametrize("status", [200, 400])
def test_every_odd_body_is_survived_at_every_request(connector: Connector, status: int) -> None:
    config = config_of(connector)
    begins = [
        *deliveries(connector),
        lambda: connector.test(config),
        lambda: connector.on_save(config, {}),
        lambda: connector.on_save(config, STATE),
        lambda: connector.on_delete(config, STATE),
    ]
    for begin in begins:
        for body in (*ODD_BODIES, *IN_FILES):
            end_of(begin, [Response(status, {"retry-after": "nan"}, body[:READ_BYTES])])

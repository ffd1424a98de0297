"""What must be true of every connector, future ones included."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from integrations.core.config import ConnectorConfig
from integrations.core.connector import Connector
from integrations.core.errors import IntegrationError, InvalidConfig, TimedOut
from integrations.core.http import Flow, Response
from integrations.core.markers import Matches
from integrations.registry import CONNECTORS
from tests.flows import CREATED, DELETED, PING, REPORT, UPDATED, delivery, text_response
from tests.integrations.connectors.examples import EXAMPLES

STATE = {"hookId": "7", "repository": "https://x", "channelId": "c", "resourceId": "r"}
ODD = [
    text_response(200),
    text_response(200, "<html>Sign in to the hotel's network</html>"),
    text_response(200, "ok"),
    text_response(200, "null"),
    text_response(200, "[]"),
    text_response(200, "[1]"),
    text_response(200, '{"a": '),
    text_response(200, '{"content": "%", "sha": 1, "files": [{}], "channels": [null], "values": 3, "ok": true}'),
    text_response(200, '{"user": [], "target": [], "results": [], "permissions": [], "failed_records": 1}'),
    Response(200, {}, b"\xff\xfe\x00" * 10),
    text_response(204),
    text_response(302, location="https://elsewhere.example/"),
    text_response(200, "<ListBucketResult/>"),
    text_response(400, "invalid_payload"),
    text_response(400, '{"error": [], "errors": {}, "message": {"a": 1}, "failed_records": "x", "code": []}'),
    text_response(401, "no"),
    text_response(403, '{"error": {"errors": ["x"], "message": 5}}'),
    text_response(404, "null"),
    text_response(409, '{"error_summary": 5, "message": null}'),
    text_response(422, '{"errors": [1]}'),
    text_response(429, '{"retry_after": "soon", "error": {"retry_after": null}}', retry_after="later"),
    text_response(500, "<Error><Code>"),
    text_response(599),
]

each_connector = pytest.mark.parametrize("connector", [kind() for kind in CONNECTORS], ids=lambda kind: kind.type)


def config_of(connector: Connector) -> ConnectorConfig:
    parsed = connector.Config.parse(EXAMPLES[connector.type])
    if connector.oauth and connector.oauth.required and parsed.access_token is None:
        parsed = parsed.model_copy(update={"access_token": SecretStr("oauth-token-0001")})
    return parsed


def flows_of(connector: Connector, config: ConnectorConfig) -> Iterator[Flow[Any]]:
    yield connector.test(config)
    for event in (CREATED, UPDATED, DELETED, PING, REPORT):
        yield delivery(connector, event, config, 1_772_879_400)
    if connector.most_at_once > 1:
        yield connector.deliver_many([CREATED, UPDATED, DELETED], config, 1_772_879_400)
    yield connector.on_save(config, {})
    yield connector.on_save(config, STATE)
    yield connector.on_delete(config, STATE)


def outcome(flow: Flow[Any], answers: Iterable[Response | Exception]) -> IntegrationError | None:
    """How the flow ends if the service gives these answers: an IntegrationError, or None for success."""
    try:
        next(flow)
        for answer in answers:
            flow.throw(answer) if isinstance(answer, Exception) else flow.send(answer)
    except StopIteration:
        return None
    except IntegrationError as error:
        return error
    raise AssertionError("a flow asks without end")


def test_there_are_the_twelve_types_of_the_api_page() -> None:
    assert [connector.type for connector in CONNECTORS] == list(EXAMPLES)


@each_connector
def test_with_any_answer_a_flow_ends_in_success_or_an_error_without_secrets(connector: Connector) -> None:
    config = config_of(connector)
    secrets = [*flat(config.secrets().values()), "oauth-token-0001"]
    for number in range(len(list(flows_of(connector, config)))):
        for first, rest in itertools.product(ODD, ODD):
            flow = list(flows_of(connector, config))[number]
            error = outcome(flow, [first, *[rest] * 60])
            assert not error or not [secret for secret in secrets if secret in error.message + str(error.args)]


def flat(values: Any) -> Iterator[Any]:
    for value in values:
        yield from flat(value.values()) if isinstance(value, dict) else [value]


@each_connector
def test_no_answer_in_time_is_a_timeout_for_every_connector(connector: Connector) -> None:
    for flow in flows_of(connector, config_of(connector)):
        error = outcome(flow, [TimedOut("No answer within 15 s.")])
        assert error is None or error.code == "CONNECTION_TIMEOUT"


@each_connector
def test_the_public_part_of_a_configuration_contains_no_secret(connector: Connector) -> None:
    config = config_of(connector)
    shown = json.dumps(config.public()) + repr(config) + str(config)
    assert [secret for secret in flat(config.secrets().values()) if secret in shown] == []
    assert connector.Config.load(config.public(), config.secrets()).secrets() == config.secrets()


@each_connector
def test_an_unknown_field_and_a_missing_one_are_named(connector: Connector) -> None:
    with pytest.raises(InvalidConfig) as caught:
        connector.Config.parse({**EXAMPLES[connector.type], "colour": "red"})
    assert caught.value.details == {"colour": ["unknown field"]}
    required = [fact.alias for fact in connector.Config.facts() if fact.required]
    for alias in required:
        with pytest.raises(InvalidConfig) as caught:
            connector.Config.parse({**EXAMPLES[connector.type], alias: ""})
        assert alias in caught.value.details


@each_connector
def test_every_example_in_a_declaration_is_valid(connector: Connector) -> None:
    found = []
    for info in connector.Config.model_fields.values():
        markers = [*info.metadata, *nested(info.annotation)]
        found += [marker for marker in markers if isinstance(marker, Matches)]
    assert found or connector.type == "dropbox"
    for marker in found:
        assert marker.accepts(marker.example)
        re.compile(marker.pattern)


def nested(annotation: Any) -> Iterator[Any]:
    for part in getattr(annotation, "__args__", ()):
        yield from getattr(part, "__metadata__", ())
        yield from nested(part)


@each_connector
def test_a_declaration_says_what_a_user_must_do_at_the_service(connector: Connector) -> None:
    assert connector.setup.startswith("1. ")
    assert connector.description.endswith(".")
    assert connector.category
    schema = connector.Config.json_schema()
    assert schema["additionalProperties"] is False
    assert "previousSecret" not in schema["properties"]


@each_connector
def test_oauth_addresses_use_https(connector: Connector) -> None:
    if not connector.oauth:
        return
    spec = connector.oauth
    for url in (spec.authorize_url, spec.token_url, spec.identity_url, spec.revoke_url):
        assert url is None or url.startswith("https://")
    assert set(spec.fills) <= {fact.alias for fact in connector.Config.facts()}


@each_connector
def test_an_address_with_an_impossible_port_is_named(connector: Connector) -> None:
    addresses = [
        fact.alias for fact in connector.Config.facts() if fact.alias.lower().endswith("url") and not fact.secret
    ]
    for alias in addresses:
        with pytest.raises(InvalidConfig, match="port from 1 to 65535") as caught:
            connector.Config.parse({**EXAMPLES[connector.type], alias: "https://example.com:70000"}, connected=True)
        assert list(caught.value.details) == [alias]

"""Every place where a stored secret leaves, found by running the flows, and compared with what is declared."""

import base64
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus, unquote_plus, urlsplit

from pydantic import SecretStr

from integrations.core.config import ConnectorConfig
from integrations.core.connector import Connector
from integrations.core.errors import IntegrationError, InvalidConfig
from integrations.core.http import Flow, Request, Response
from tests.flows import CREATED, DELETED, delivery, json_response, text_response
from tests.integrations.connectors.examples import EXAMPLES
from tests.integrations.connectors.test_every_connector import each_connector, flat

TOKEN = "oauth-token-0001"
STATE = {"hookId": "7", "repository": "https://earlier.example.com/repos", "channelId": "c", "resourceId": "r"}
# With one of these answers first, and the first of them or the last after it, the flows take every way that sends a
# secret.
ANSWERS = [
    json_response(
        200,
        {"ok": True, "id": 7, "content": "e30=", "sha": "a", "rev": "b", "startPageToken": "9", "resourceId": "r"}
        | {"target": {"hash": "c"}, "values": [], "files": [{"id": "f"}], "team": "t", "channel": {"id": "C1234567"}}
        | {"access_token": "a-token-of-the-client"}
        | {
            "dataStreams": [
                {"name": "properties/12345/dataStreams/1", "webStreamData": {"measurementId": "G-1A2BCD345E"}}
            ]
        },
    ),
    json_response(200, []),
    text_response(200, "ok"),
    text_response(400, "invalid_payload"),
    json_response(404, {"message": "404 File Not Found"}),
]
# The places: the origins that a secret goes to and, after an arrow, the addresses that it is registered for there.
PLACES = {
    ("s3", "secretAccessKey"): {"https://my-asset-bucket.s3.us-east-1.amazonaws.com"},
    ("s3", "sessionToken"): {"https://my-asset-bucket.s3.us-east-1.amazonaws.com"},
    ("google_drive", "accessToken"): {"https://www.googleapis.com"},
    ("google_drive", "webhookSecret"): {"https://www.googleapis.com -> https://api.invenicum.com"},
    ("dropbox", "accessToken"): {"https://api.dropboxapi.com", "https://content.dropboxapi.com"},
    ("github", "apiKey"): {"https://api.github.com"},
    ("github", "accessToken"): {"https://api.github.com"},
    ("github", "webhookSecret"): {"https://api.github.com -> https://api.invenicum.com"},
    ("gitlab", "apiKey"): {"https://gitlab.com"},
    ("gitlab", "accessToken"): {"https://gitlab.com"},
    ("gitlab", "webhookSecret"): {"https://gitlab.com -> https://api.invenicum.com"},
    ("gitlab", "webhookSigningToken"): {"https://gitlab.com -> https://api.invenicum.com"},
    ("bitbucket", "apiKey"): {"https://api.bitbucket.org"},
    ("bitbucket", "accessToken"): {"https://api.bitbucket.org"},
    ("bitbucket", "webhookSecret"): {"https://api.bitbucket.org -> https://api.invenicum.com"},
    ("slack", "webhookUrl"): {"https://hooks.slack.com"},
    ("slack", "botToken"): {"https://slack.com"},
    ("slack", "accessToken"): {"https://slack.com"},
    ("discord", "webhookUrl"): {"https://discord.com"},
    ("teams", "webhookUrl"): {"https://default0123456789abcdef0123456789abcd.ef.environment.api.powerplatform.com:443"},
    ("teams", "accessToken"): {"https://graph.microsoft.com"},
    ("google_analytics", "apiSecret"): {"https://region1.google-analytics.com"},
    ("google_analytics", "accessToken"): {"https://analyticsadmin.googleapis.com"},
    ("mixpanel", "projectToken"): {"https://api.mixpanel.com"},
    ("mixpanel", "serviceAccountSecret"): {"https://mixpanel.com", "https://api.mixpanel.com"},
    ("webhook", "headers"): {"https://myservice.com"},
    ("webhook", "oauthClientSecret"): {"https://login.example.com"},
}
MORE = {"google_analytics": {"propertyId": "123456789"}, "slack": {"signingSecret": "8f742231b10e8888abcd99aaabbb85a5"}}
CHANNEL = {
    "teamId": "02bd9fd6-8f93-4758-87c3-1fb73740a315",
    "channelId": "19:d0bba23c2fc8413991125a43a54cc30e@thread.tacv2",
}
SERVICE_ACCOUNT = {"serviceAccountUsername", "serviceAccountSecret", "projectId"}
# Values to replace a field's own with, as far as the field takes them.
OTHERS = [
    *("https://other.example.com", "https://other.example.com/hook", "eu-central-1", "global", "us", "eu", "in"),
    *(
        "other",
        "other-name",
        "other/name",
        "12345",
        "1234567890123456789",
        "other@example.com",
        "G-OTHER12345",
        "/Other",
    ),
    *("AKIAOTHEREXAMPLE", ":other:", "#other", "PUT", "AES256", True, False, ["push"], ["asset.created"], 5),
]
# A bucket is a host name below the service's own, or part of the path: a secret stays at the service.
BELOW_THE_SERVICE = {("s3", "bucket"), ("s3", "forcePathStyle")}
# Declared, though the secret does not go there: a bot token belongs to the workspace of the address.
# The token that a client secret is exchanged for goes to the webhook's own address.
BELONGS_TO = {("slack", "botToken"): {"webhookUrl"}, ("webhook", "oauthClientSecret"): {"url"}}
CLIENT_CREDENTIALS = {
    "oauthTokenUrl": "https://login.example.com/token",
    "oauthClientId": "invenicum",
    "oauthClientSecret": "client-secret-0001",
}


def configs(connector: Connector, changed: dict[str, Any] | None = None) -> Iterator[ConnectorConfig]:
    """The example, with a key and then with a grant's token instead; the fields in `changed` have other values."""
    values = {**EXAMPLES[connector.type], **MORE.get(connector.type, {}), **(changed or {})}
    if not (connector.oauth and connector.oauth.required):
        yield connector.Config.parse({name: value for name, value in values.items() if name[:5] != "oauth"})
    if connector.type == "webhook":  # instead of a header with a key
        other = {**CLIENT_CREDENTIALS, **values, "headers": {"X-Custom-Header": "value-0001"}}
        yield connector.Config.parse(other)
    if connector.type == "mixpanel":  # without a service account, the project's token is sent instead
        yield connector.Config.parse({alias: value for alias, value in values.items() if alias not in SERVICE_ACCOUNT})
    if connector.oauth:
        keys = {"botToken", *(fact.alias for fact in connector.Config.facts() if fact.oauth_replaces)}
        values = {alias: value for alias, value in values.items() if alias not in keys}
        if connector.type == "teams":
            values |= CHANNEL
        if connector.oauth.fills:
            values |= {"webhookUrl": EXAMPLES[connector.type]["webhookUrl"]}
        parsed = connector.Config.parse(values, connected=True)
        yield parsed.model_copy(update={"access_token": SecretStr(TOKEN)})


def requests_of(connector: Connector, config: ConnectorConfig) -> Iterator[Request]:
    for flow_number in range(6):
        for first in ANSWERS:
            for rest in (ANSWERS[0], ANSWERS[-1]):
                yield from _requests(_flows(connector, config)[flow_number], first, rest)


def _flows(connector: Connector, config: ConnectorConfig) -> list[Flow[Any]]:
    return [
        connector.test(config),
        delivery(connector, CREATED, config, 1_772_879_400),
        delivery(connector, DELETED, config, 1_772_879_400),
        connector.on_save(config, {}),
        connector.on_save(config, STATE),
        connector.on_delete(config, STATE),
    ]


def _requests(flow: Flow[Any], first: Response, rest: Response) -> Iterator[Request]:
    try:
        request, answer = next(flow), first
        while True:
            yield request
            request, answer = flow.send(answer), rest
    except (StopIteration, IntegrationError):
        return


def places_of(connector: Connector, config: ConnectorConfig, values: list[str]) -> set[str]:
    """Where one of `values`, a secret in clear or what a request signed with it contains, goes."""
    found = set()
    for request in requests_of(connector, config):
        text = _readable(request)
        if any(value in text for value in values):
            found |= {f"{_origin(request.url)} -> {origin}" for origin in _registered(request, values)} or {
                _origin(request.url)
            }
    return found


def _registered(request: Request, values: list[str]) -> set[str]:
    """The origins in a body that has the secret too: the provider is to call them with it."""
    body = request.body.decode(errors="ignore")
    return {_origin(url) for url in re.findall(r'"(https?://[^"]+)"', body) if any(value in body for value in values)}


def _readable(request: Request) -> str:
    text = f"{request.url}\n{request.body.decode(errors='ignore')}\n" + "\n".join(request.headers.values())
    decoded = [base64.b64decode(pair).decode() for pair in re.findall(r"^Basic (\S+)$", text, re.MULTILINE)]
    return "\n".join([text, unquote_plus(text), *decoded])


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def secrets_of(connector: Connector) -> Iterator[tuple[str, list[str]]]:
    """Each secret of the examples: its name, and the texts by which it is found in a request."""
    found: dict[str, list[str]] = {}
    for config in configs(connector):
        found |= {alias: list(flat([value])) for alias, value in config.secrets().items()}
        if config.access_token and "accessToken" not in found:
            found["accessToken"] = [TOKEN]
    for alias, values in found.items():
        texts = [urlsplit(value).path.rsplit("/", 1)[-1] if value.startswith("https:") else value for value in values]
        texts = [quote_plus(text) if "%" in text else text for text in texts]
        yield alias, texts + (["AWS4-HMAC-SHA256 Credential="] if alias == "secretAccessKey" else [])


@each_connector
def test_a_secret_goes_to_the_listed_places_only(connector: Connector) -> None:
    for alias, values in secrets_of(connector):
        found = set[str]().union(*(places_of(connector, config, values) for config in configs(connector)))
        assert found == PLACES.get((connector.type, alias), set()), alias
        fact = next(fact for fact in connector.Config.facts() if fact.alias == alias)
        assert found or not fact.sent_to, f"{alias} is declared as sent and is not"


@each_connector
def test_a_field_that_changes_where_a_secret_goes_is_declared_with_the_secret(connector: Connector) -> None:
    for alias, values in secrets_of(connector):
        fact = next(fact for fact in connector.Config.facts() if fact.alias == alias)
        before = [places_of(connector, config, values) for config in configs(connector)]
        decisive = set()
        for field in connector.Config.facts():
            if field.secret or field.internal or (connector.type, field.alias) in BELOW_THE_SERVICE:
                continue
            for other in OTHERS:
                try:
                    changed = list(configs(connector, {field.alias: other}))
                except InvalidConfig:
                    continue
                if [places_of(connector, config, values) for config in changed] != before:
                    decisive.add(field.alias)
                    break
        assert decisive | BELONGS_TO.get((connector.type, alias), set()) == set(fact.sent_to), alias

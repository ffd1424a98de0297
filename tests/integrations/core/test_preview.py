"""What a preview shows of each connector's flow, without a database and without a socket."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from integrations.core.connector import Connector
from integrations.core.errors import Rejected
from integrations.core.http import Flow, Request
from integrations.core.preview import MASK, MAX_SHOWN_BYTES, Preview, first_write, shown
from integrations.registry import CONNECTORS
from invenicum.events.message import Message
from tests.flows import CREATED, DELETED, UPDATED, message
from tests.integrations.connectors.test_every_connector import each_connector
from tests.integrations.connectors.test_where_secrets_go import configs

NOW = 1_772_879_400
# How each service is first changed by a new asset.
WRITES = {
    "s3": ("PUT", "/assets/asset-123.json"),
    "google_drive": ("PATCH", "/upload/drive/v3/files/"),
    "dropbox": ("POST", "/2/files/upload"),
    "github": ("PUT", "/contents/assets/asset-123.json"),
    "gitlab": ("POST", "/repository/commits"),
    "bitbucket": ("POST", "/asset-repo/src"),
    "slack": ("POST", "slack.com/"),
    "discord": ("POST", "discord.com/api/v10/webhooks/"),
    "teams": ("POST", ""),
    "google_analytics": ("POST", "/mp/collect"),
    "mixpanel": ("POST", "api.mixpanel.com/"),
    "webhook": ("POST", "https://myservice.com/webhooks/invenicum"),
}


def previews(connector: Connector, event: Message) -> list[Preview]:
    return [preview(connector, config, event) for config in configs(connector)]


def preview(connector: Connector, config: Any, event: Message) -> Preview:
    request = first_write(
        lambda: connector.deliver(event, config, NOW), lambda asked: connector.only_reads(asked, config)
    )
    assert request, f"{connector.type} sends nothing for {event.name}"
    return shown(request, config.secret_texts())


def test_every_type_is_listed() -> None:
    assert WRITES.keys() == {connector.type for connector in CONNECTORS}


@each_connector
def test_the_first_write_is_found(connector: Connector) -> None:
    method, part = WRITES[connector.type]
    for one in previews(connector, CREATED):
        assert one.method == method
        assert part in one.url or connector.type == "teams"
    for event in (UPDATED, DELETED):
        assert previews(connector, event)


@each_connector
def test_no_secret_is_shown(connector: Connector) -> None:
    for config in configs(connector):
        one = preview(connector, config, CREATED)
        text = json.dumps([one.url, one.headers, one.body], ensure_ascii=False)
        for secret in config.secret_texts():
            parts = [secret, quote(secret, safe=""), *(part for part in secret.split("/") if len(part) > 20)]
            assert not [part for part in parts if part in text]


def test_signatures_are_not_shown() -> None:
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=AK, Signature=ab", "webhook-signature": "v1,x=", "A": "b"}
    assert shown(Request("GET", "https://a.example/", headers), ()).headers == {
        "Authorization": MASK,
        "webhook-signature": MASK,
        "A": "b",
    }


def test_a_long_body_is_cut_and_hides_what_the_cut_leaves_of_a_secret() -> None:
    secret = "a-secret-of-some-length"
    body = ("x" * (MAX_SHOWN_BYTES - 10) + secret).encode()
    cut = shown(Request("POST", "https://a.example/", body=body), [secret])
    assert cut.body.endswith(f"x{MASK}…")
    assert len(cut.body.encode()) < MAX_SHOWN_BYTES + 20


def test_a_flow_that_only_reads_ends() -> None:
    runs = 0

    def flow() -> Flow[None]:
        nonlocal runs
        runs += 1
        while True:
            yield Request("GET", "https://a.example/")

    assert first_write(flow, lambda request: True) is None
    assert runs <= 60


def test_an_event_that_is_refused_says_so() -> None:
    connector = next(kind() for kind in CONNECTORS if kind.type == "webhook")
    config = connector.Config.parse({"url": "https://a.example", "template": json.dumps(["{{ data }}"] * 9)})
    with pytest.raises(Rejected, match="512 KiB"):
        first_write(lambda: connector.deliver(message("a.b", {"x": "y" * 100_000}), config, NOW), lambda request: False)

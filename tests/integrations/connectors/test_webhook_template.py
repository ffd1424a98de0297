"""A body of the owner's own, made of the event."""

import base64
import json
import time
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from integrations.connectors.webhook import Webhook
from integrations.connectors.webhook.template import MAX_PLACEHOLDERS, MAX_RENDERED_BYTES
from integrations.core.errors import InvalidConfig, Rejected
from tests.flows import CREATED, EVENT_ID, PING, UPDATED, body_of, message, play, text_response

URL = "https://myservice.com/webhooks/invenicum"
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
# https://developer.pagerduty.com/docs/send-alert-event
PAGERDUTY = {
    "routing_key": "R0UTINGKEY",
    "event_action": "trigger",
    "dedup_key": "{{ data.assetId }}",
    "payload": {
        "summary": "{{ summary }}",
        "source": "invenicum",
        "severity": "info",
        "timestamp": "{{ timestamp }}",
        "custom_details": "{{ data }}",
    },
}
# https://docs.ntfy.sh/publish/#publish-as-json
NTFY = {"topic": "assets", "title": "{{ title }}", "message": "{{data.name}} was added", "click": "{{ url }}"}


def config(template: str, **more: Any) -> Webhook.Config:
    return Webhook.Config.parse({"url": URL, "secret": SECRET, "template": template, **more})


def sent(template: Any, event: Any = CREATED) -> Any:
    _, (request,) = play(Webhook().deliver(event, config(json.dumps(template)), int(time.time())), text_response(202))
    assert Verifier(SECRET).verify(request.body, dict(request.headers)) == body_of(request), "what is sent is signed"
    return body_of(request)


def test_an_alert_of_pagerduty_can_be_made() -> None:
    assert sent(PAGERDUTY) == {
        "routing_key": "R0UTINGKEY",
        "event_action": "trigger",
        "dedup_key": "asset-123",
        "payload": {
            "summary": "Asset created: Product Photo.jpg",
            "source": "invenicum",
            "severity": "info",
            "timestamp": "2026-03-07T10:30:00Z",
            "custom_details": CREATED.data,
        },
    }


def test_a_notification_of_ntfy_can_be_made() -> None:
    assert sent(NTFY) == {
        "topic": "assets",
        "title": "Asset created",
        "message": "Product Photo.jpg was added",
        "click": "https://cdn.invenicum.com/assets/asset-123",
    }


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ data.changes.tags.added.0 }}", "featured"),
        ("{{ data.changes.tags.added.1 }}", None),
        ("{{ data.changes.tags.added }}", ["featured"]),
        ("{{ data.changes.tags }}: changed", '{"added":["featured"],"removed":["draft"]}: changed'),
        ("{{ data.nothing.at.all }}", None),
        ("<{{ data.nothing }}>", "<>"),
        ("{{ data.nothing | default('none') }}", "none"),
        ("<{{ data.nothing|default('') }}>", "<>"),
        ("{{ id }} {{ event }}", f"{EVENT_ID} asset.updated"),
        ("no placeholder", "no placeholder"),
        (5, 5),
        ([True, None, {"a": "{{ data.updatedBy }}"}], [True, None, {"a": "user-789"}]),
    ],
)
def test_a_placeholder_stands_for_a_value(template: Any, value: Any) -> None:
    assert sent(template, UPDATED) == value


def test_values_of_an_event_are_never_read_as_placeholders_nor_break_the_json() -> None:
    name = '"}, {{ data }} \\ {{ id }}'
    assert sent({"a": "x {{ data.name }}"}, message("asset.created", {"name": name})) == {"a": f"x {name}"}


def test_a_ping_is_made_with_it_too() -> None:
    assert sent(NTFY, PING)["title"] == "Invenicum is connected"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{", "must be JSON"),
        ('{"a": {{ data }}}', "must be JSON"),
        ('"{{ data.name"', "cannot be read"),
        ('"{{ data.name() }}"', "cannot be read"),
        ('"{{ data[0] }}"', "cannot be read"),
        ('"{{ data.__class__ | safe }}"', "cannot be read"),
        ('"}}"', "cannot be read"),
        ('"{{ config.secret }}"', "unknown value config; there are id, event"),
        ('"\\ud800"', "must be JSON"),
        ("NaN", "must be JSON"),
        ("[" * 101 + "]" * 101, "must be JSON"),
        (json.dumps(["{{ id }}"] * (MAX_PLACEHOLDERS + 1)), "more than 100 placeholders"),
        (json.dumps("x" * 17_000), "more than 16384 characters"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_when_it_is_saved(template: str, says: str) -> None:
    with pytest.raises(InvalidConfig, match=says) as caught:
        config(template)
    assert list(caught.value.details) == ["template"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_method_without_a_body_takes_no_template(method: str) -> None:
    with pytest.raises(InvalidConfig, match="which have no body"):
        config("1", method=method)


def test_what_one_event_becomes_is_bounded() -> None:
    event = message("asset.created", {"text": "x" * 200_000})
    began = time.process_time()
    with pytest.raises(Rejected, match="more than 512 KiB"):
        play(Webhook().deliver(event, config(json.dumps(["{{ data }}"] * MAX_PLACEHOLDERS)), 0))
    assert time.process_time() - began < 1
    assert MAX_RENDERED_BYTES == 512 * 1024

"""Every example payload that GitHub's own project publishes comes in, under its name and with a line for people.

`make payloads` installs the npm package.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from invenicum.accounts.models import User
from tests.inbound import connect, send_github
from tests.tools import find, needs
from webhooks.models import InboundEvent, InboundKey

PAYLOADS = "octokit's payloads"
FILES = sorted(Path(find(PAYLOADS) or "/nowhere").glob("*/index.json"))

pytestmark = needs(PAYLOADS)


each_server = pytest.mark.parametrize("file", FILES or [Path("none")], ids=lambda file: file.parent.name)


def payloads_in(file: Path) -> Iterator[tuple[str, Any]]:
    """Each payload with the name of its event."""
    for event in json.loads(file.read_text()):
        for payload in event["examples"]:
            yield event["name"], payload


@each_server
def test_an_example_payload_is_published_as_it_came(alice: User, file: Path) -> None:
    integration = connect(alice, "github")
    sent = list(payloads_in(file))
    for number, (event, payload) in enumerate(sent):
        response = send_github(payload, f"github/{integration.id}", event=event, delivery=str(number))
        assert response.status_code == 202, event
    stored = InboundEvent.objects.select_related("event").order_by("id")
    for inbound, (event, payload) in zip(stored, sent, strict=True):
        assert inbound.name == f"github.{event}"
        if event == "release" and payload["action"] in ("created", "released"):
            assert inbound.event is None  # `published` tells the same
            continue
        assert inbound.event is not None
        data = inbound.event.payload["data"]
        assert inbound.event.name == inbound.name
        assert data["payload"] == inbound.payload == payload
        assert re.fullmatch(r"\S+( \S+)+", data["title"]), event
        assert re.match("https?://", data.get("url", "https://")), event


@each_server
def test_an_example_of_a_repository_finds_who_is_connected_to_it(alice: User, file: Path) -> None:
    about_one = [
        (event, payload) for event, payload in payloads_in(file) if "full_name" in payload.get("repository", {})
    ]
    for number, (event, payload) in enumerate(about_one):
        name = payload["repository"]["full_name"]
        if not InboundKey.objects.filter(key=name.lower()).exists():
            connect(alice, "github", organization=name.split("/")[0], repository=name.split("/")[1])
        assert send_github(payload, event=event, delivery=str(number)).status_code == 202, event
    assert InboundEvent.objects.count() == len(about_one) > 0

"""Events come from outside too: a connector turns each one into a request or refuses it with a reason."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from integrations.core.connector import Connector
from integrations.core.errors import Rejected
from integrations.registry import CONNECTORS
from invenicum.events.message import Message
from tests.fakes.discord import problem_of as problem_for_discord
from tests.fakes.google_analytics import problems_of as problems_for_google_analytics
from tests.flows import delivery, message
from tests.integrations.connectors.examples import EXAMPLES

texts = st.text(max_size=30) | st.sampled_from(
    ["<!channel>", "@everyone", "a\u202eb", "x" * 5000, "*" * 200, "https://a.b/c", "https://a.b/" + "&" * 1900]
)
plain = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts
)
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=8
)
fields = st.sampled_from(["assetId", "name", "category", "tags", "url", "changes", "createdBy", "updatedBy", "title"])
changes = st.dictionaries(texts, st.fixed_dictionaries({}, optional={"old": values, "new": values, "added": values}))
events = st.builds(
    message,
    st.sampled_from(["asset.created", "asset.updated", "asset.deleted", "report.ready", "a.b"]),
    st.dictionaries(fields | texts, values, max_size=12) | st.fixed_dictionaries({"changes": changes, "name": texts}),
)
each_connector = pytest.mark.parametrize("connector", [kind() for kind in CONNECTORS], ids=lambda kind: kind.type)


def first_request(connector: Connector, event: Message) -> Any:
    config = connector.Config.parse(EXAMPLES[connector.type], connected=True)
    config = config.model_copy(update={"access_token": config.access_token or SecretStr("token-0001")})
    try:
        return next(delivery(connector, event, config, 1_772_879_400))
    except (Rejected, StopIteration):
        return None


@each_connector
@settings(max_examples=25, deadline=None)
@given(event=events)
def test_any_event_becomes_a_request_or_is_refused(connector: Connector, event: Message) -> None:
    request = first_request(connector, event)
    if request is None:
        return
    assert request.url.startswith("https://")
    assert all(name.isascii() and value.isascii() and "\n" not in value for name, value in request.headers.items())
    check = CHECKS.get(connector.type)
    if check:
        check(json.loads(request.body))


def check_slack(payload: Any) -> None:
    assert len(payload["blocks"]) <= 50
    texts = [block["text"]["text"] for block in payload["blocks"] if "text" in block]
    fields = [field["text"] for block in payload["blocks"] for field in block.get("fields", [])]
    assert all(0 < len(text) <= 3000 for text in texts)
    assert all(0 < len(text) <= 2000 for text in fields)
    # Only our own link and date are in angle brackets.
    tags = re.findall(r"<[^>]*", "".join([*texts, *fields, payload["text"]]))
    assert all(tag.startswith(("<https://", "<http://")) for tag in tags)


def check_discord(payload: Any) -> None:
    assert problem_for_discord(payload) == ""
    assert payload["allowed_mentions"] == {"parse": []}


def check_google_analytics(payload: Any) -> None:
    assert problems_for_google_analytics(payload) == []


CHECKS = {"slack": check_slack, "discord": check_discord, "google_analytics": check_google_analytics}

"""What the portal shows before anything is sent, beside what the services receive afterwards."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from integrations.models import Integration
from integrations.services import save_integration
from invenicum.accounts.models import User
from invenicum.assets.services import change_asset, create_asset
from invenicum.events.publish import publish
from tests.factories import connect_drive, connect_webhook
from tests.fakes.slack import TOKEN, FakeSlack
from tests.oauth_flows.connected import connect_dropbox
from webhooks.engine.worker import drain
from webhooks.models import Delivery

from .conftest import Portal
from .forms import Form, send_form
from .test_connect import FILLED, KEY

pytestmark = pytest.mark.django_db
PREVIEW = "/portal/services/{}/preview"
NAME = 'Leica <M3> & *case* & "box"'


class Drawn(HTMLParser):
    """The text of the elements of a class, as a person reads it; of times what they say on hover."""

    def __init__(self, page: Any, wanted: str) -> None:
        super().__init__()
        self._wanted, self._depth, self._time = wanted, 0, False
        self.texts: list[str] = []
        self.feed(page.content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if self._depth and tag == "br":
            self.texts[-1] += "\n"
        elif self._depth and tag != "rect":
            self._depth += 1
            self._time = tag == "time"
            self.texts[-1] += found.get("title") or "" if self._time else ""
        elif self._wanted in (found.get("class") or "").split():
            self._depth = 1
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if self._depth and tag not in ("br", "rect"):
            self._depth -= 1
            self._time = False

    def handle_data(self, data: str) -> None:
        if self._depth and not self._time:
            self.texts[-1] += data


def received_texts(payload: Any) -> list[str]:
    """Each text of the blocks that Slack received, as Slack shows it, without its marks."""
    blocks = payload["blocks"]
    raw = [text["text"] for block in blocks for text in [block.get("text"), *block.get("fields", [])] if text]
    raw += [element["text"] for block in blocks for element in block.get("elements", [])]
    plain = [re.sub(r"<[^|>]*\|([^>]*)>", r"\1", text) for text in raw]
    plain = [re.sub(r"^\*([^*\n]+):?\*", r"\1", text) for text in plain]
    return [text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for text in plain]


def test_the_message_is_what_slack_receives(portal: Portal, alice: User, settings: Any) -> None:
    with FakeSlack() as slack:
        settings.PROVIDER_ENDPOINTS = {"slack": {"apiUrl": slack.url}}
        save_integration(alice, "slack", FILLED["slack"] | {"channel": "#asset-updates", "botToken": TOKEN})
        create_asset(alice, {"name": NAME, "category": "Cameras", "url": "https://cdn.example.com/a?b=1&c=2"})
        page = portal(alice).get(PREVIEW.format("slack") + "?of=last")
        assert slack.posted == []
        drain()
        [payload] = slack.posted
    [drawn] = Drawn(page, "said").texts
    for text in received_texts(payload):
        assert all(line in drawn for line in text.split("\n")), text
    assert NAME in drawn
    shown = Drawn(page, "code").texts[-1]
    assert json.loads(shown[shown.index("\n{") :]) == payload
    assert 'href="https://cdn.example.com/a?b=1&amp;c=2"' in page.content.decode()
    assert "<M3>" not in page.content.decode()


@pytest.mark.parametrize("integration_type", ["discord", "teams"])
def test_messages_of_the_others_have_the_names_and_values(portal: Portal, alice: User, integration_type: str) -> None:
    save_integration(alice, integration_type, FILLED[integration_type])
    browser = portal(alice)
    asset = create_asset(alice, {"name": NAME, "category": "Cameras"})
    change_asset(alice, asset.asset_id, {"name": "Leica **M6**"})
    changed = Drawn(browser.get(PREVIEW.format(integration_type) + "?of=last"), "said").texts[0]
    assert f"Name: {NAME} → Leica **M6**" in changed
    assert "Asset updated" in changed
    [sample] = Drawn(browser.get(PREVIEW.format(integration_type)), "said").texts
    assert "Product Photo.jpg" in sample
    assert "Images" in sample
    assert "\\" not in changed + sample


@pytest.mark.parametrize("integration_type", ["s3", "dropbox", "github", "gitlab", "bitbucket"])
def test_documents_are_shown_as_they_are_written(portal: Portal, alice: User, integration_type: str) -> None:
    save_integration(alice, integration_type, FILLED[integration_type])
    page = portal(alice).get(PREVIEW.format(integration_type))
    document = Drawn(page, "code").texts[0]
    assert json.loads(document)["name"] == "Product Photo.jpg"
    text = page.content.decode()
    assert re.search(r"<h3>[^<]*asset-123\.json</h3>", text)
    assert KEY not in text
    assert ("Commit: Add asset-123: Product Photo.jpg" in text) == (
        integration_type in ("github", "gitlab", "bitbucket")
    )


def test_connected_accounts_are_shown_with_dots_for_their_tokens(
    portal: Portal, alice: User, bob: User, settings: Any
) -> None:
    settings.OAUTH_CLIENTS = {"google_drive": ("client", "secret")}
    grant = connect_dropbox(alice)
    connect_drive(bob)
    for owner, integration_type in ((alice, "dropbox"), (bob, "google_drive")):
        page = portal(owner).get(PREVIEW.format(integration_type))
        assert 'Bearer <span class="dots">•••</span>' in page.content.decode()
        assert grant.access_token not in page.content.decode()
        assert json.loads(Drawn(page, "code").texts[0])["assetId"] == "asset-123"


@pytest.mark.parametrize("integration_type", [name for name in FILLED if name != "google_drive"])
def test_the_form_shows_what_is_typed_and_loses_nothing(portal: Portal, alice: User, integration_type: str) -> None:
    browser, address = portal(alice), f"/portal/services/{integration_type}/connect"
    page = send_form(browser, address, do="preview", **FILLED[integration_type])
    assert page.status_code == 200, page.content.decode()
    assert "asset-123" in page.content.decode()
    again = Form(page).send(browser, address, do="preview:asset.deleted")
    assert again.status_code == 200
    assert not Integration.objects.exists()
    secrets = [
        value for name, value in FILLED[integration_type].items() if name in ("webhookUrl", "apiKey", "apiSecret")
    ]
    assert not [secret for secret in secrets if secret in page.content.decode()]
    assert Form(again).send(browser, address, do="save").status_code == 303


def test_what_is_wrong_is_said_at_its_field(portal: Portal, alice: User) -> None:
    refused = send_form(portal(alice), "/portal/services/webhook/connect", do="preview", url="ftp://a.example.com")
    assert refused.status_code == 422
    assert '<a href="#f-url">' in refused.content.decode()


def test_the_last_event_is_one_that_the_integration_receives(portal: Portal, alice: User) -> None:
    connect_webhook(alice, events=["report.*"])
    browser = portal(alice)
    nothing = browser.get(PREVIEW.format("webhook") + "?of=last")
    assert "you have no event" in nothing.content.decode()
    publish(alice, "report.ready", {"pages": 17})
    create_asset(alice, {"name": "Leica M3"})
    last = Drawn(browser.get(PREVIEW.format("webhook") + "?of=last"), "code").texts[0]
    assert '"pages": 17' in last
    assert (
        "does not receive asset.deleted"
        in browser.get(PREVIEW.format("webhook") + "?of=asset.deleted").content.decode()
    )
    assert Delivery.objects.count() == 1


def test_a_session_that_sees_no_deliveries_sees_no_event_either(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    create_asset(alice, {"name": "Leica M3"})
    page = portal(alice, "integrations:read").get(PREVIEW.format("webhook") + "?of=last")
    assert page.status_code == 200
    assert "Leica" not in page.content.decode()
    assert "Your last event" not in page.content.decode()


def test_others_see_neither_the_integration_nor_the_events(
    portal: Portal, alice: User, charlie: User, django_assert_max_num_queries: Any
) -> None:
    connect_webhook(alice)
    create_asset(alice, {"name": "Leica M3"})
    assert portal(charlie).get(PREVIEW.format("webhook")).status_code == 303
    connect_webhook(charlie)
    browser = portal(charlie)
    with django_assert_max_num_queries(10):
        assert "Leica" not in browser.get(PREVIEW.format("webhook") + "?of=last").content.decode()
    looking = portal(alice, read_only=True)
    assert looking.get(PREVIEW.format("webhook")).status_code == 200
    assert looking.get(PREVIEW.format("fax")).status_code == 404
    assert looking.post(PREVIEW.format("webhook")).status_code == 405

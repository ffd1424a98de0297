"""Connecting and editing with plain forms, as a browser does that runs no scripts."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.throttling import SimpleRateThrottle

from integrations import registry
from integrations.models import Integration
from integrations.services import save_integration
from invenicum.accounts.models import User
from tests.factories import SECRET, connect_webhook
from tests.fakes.http_server import FakeServer

from .conftest import Portal
from .forms import Form, send_form

pytestmark = pytest.mark.django_db
CONNECT = "/portal/services/{}/connect"
WEBHOOK = CONNECT.format("webhook")
KEY = "a-key-that-no-page-shows"
# What a person fills in for each type that needs no sign-in at the service.
FILLED: dict[str, dict[str, Any]] = {
    "s3": {
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "secretAccessKey": KEY,
        "region": "eu-west-1",
        "bucket": "my-asset-bucket",
    },
    "dropbox": {"accessToken": KEY, "path": "/Invenicum"},
    "github": {"apiKey": KEY, "organization": "acme", "repository": "stock"},
    "gitlab": {"apiKey": KEY, "project": "acme/stock"},
    "bitbucket": {"apiKey": KEY, "workspace": "acme", "repository": "stock"},
    "slack": {"webhookUrl": "https://hooks.slack.com/services/T00000000/B00000000/" + "X" * 24, "channel": "#it"},
    "discord": {"webhookUrl": "https://discord.com/api/webhooks/347114750880120863/" + "k" * 68},
    "teams": {
        "webhookUrl": "https://prod-01.westeurope.logic.azure.com:443/workflows/0a1b2c3d4e5f60718293a4b5c6d7e8f9/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig="
        + "s" * 43
    },
    "google_analytics": {"measurementId": "G-ABCDEF1234", "apiSecret": KEY},
    "mixpanel": {"projectToken": "0123456789abcdef0123456789abcdef"},
    "webhook": {"url": "https://shop.example.com/hooks"},
}


def test_the_list_above_has_every_type_but_the_one_that_needs_a_sign_in() -> None:
    assert {connector.type for connector in registry.CONNECTORS} - set(FILLED) == {"google_drive"}


@pytest.mark.parametrize("integration_type", FILLED)
def test_a_type_is_connected_with_its_form(portal: Portal, alice: User, integration_type: str) -> None:
    browser = portal(alice)
    address = CONNECT.format(integration_type)
    saved = send_form(browser, address, do="save", **FILLED[integration_type])
    assert saved.status_code == 303, saved.content.decode()
    assert saved["Location"] == f"/portal/services/{integration_type}?done=saved"
    assert Integration.objects.get(owner=alice).is_active
    # Saved again as it is shown: nothing changes.
    before = Integration.objects.values("config", "secrets", "subscriptions").get()
    assert send_form(browser, address, do="save").status_code == 303
    after = Integration.objects.values("config", "secrets", "subscriptions").get()
    assert after == before


@pytest.mark.parametrize("integration_type", FILLED)
def test_no_page_has_a_secret(portal: Portal, alice: User, integration_type: str) -> None:
    browser, address = portal(alice), CONNECT.format(integration_type)
    refused = send_form(browser, address, do="save", **{**FILLED[integration_type], "rateLimit": "fast"})
    assert refused.status_code == 422
    assert send_form(browser, address, do="save", **FILLED[integration_type]).status_code == 303
    facts = registry.get(integration_type).Config.facts()
    secrets = [str(value) for alias, value in FILLED[integration_type].items() if _is_secret(facts, alias)]
    for page in (refused, browser.get(address), browser.get(f"/portal/services/{integration_type}")):
        assert not [secret for secret in secrets if secret in page.content.decode()]


def _is_secret(facts: Any, alias: str) -> bool:
    return any(fact.alias == alias and fact.secret for fact in facts)


def test_nothing_typed_is_lost_on_an_error(portal: Portal, alice: User) -> None:
    browser, address = portal(alice), CONNECT.format("github")
    values = {"apiKey": KEY, "organization": "acme", "repository": "", "branch": "trunk"}
    refused = send_form(browser, address, do="save", **values)
    assert refused.status_code == 422
    page = refused.content.decode()
    assert '<a href="#f-repository">Repository: This field is required.</a>' in page
    assert KEY not in page
    form = Form(refused)
    assert (form.values["organization"], form.values["branch"]) == (["acme"], ["trunk"])
    assert form.send(browser, address, do="save", repository="stock").status_code == 303
    assert Integration.objects.get().secrets["apiKey"] == KEY


def test_what_was_typed_is_of_this_browser_only(portal: Portal, alice: User, bob: User) -> None:
    refused = send_form(portal(alice), CONNECT.format("github"), do="save", apiKey=KEY)
    kept = Form(refused).values["kept"]
    filled = {"organization": "acme", "repository": "stock", "kept": kept}
    assert send_form(portal(bob), CONNECT.format("github"), do="save", **filled).status_code == 422


def test_headers_are_rows(portal: Portal, alice: User) -> None:
    connect_webhook(alice, headers={"Authorization": "Bearer kept", "X-Team": "it"})
    browser = portal(alice)
    form = Form(browser.get(WEBHOOK))
    assert sorted(form.values["headers.name"]) == ["", "", "Authorization", "X-Team"]
    names = ["Authorization", "", "X-New", ""]
    values = ["", "", "new", ""]
    assert form.send(browser, WEBHOOK, do="save", **{"headers.name": names, "headers.value": values}).status_code == 303
    assert Integration.objects.get().secrets["headers"] == {"Authorization": "Bearer kept", "X-New": "new"}


def test_more_rows_keep_what_was_typed(portal: Portal, alice: User) -> None:
    browser = portal(alice)
    more = send_form(browser, WEBHOOK, do="rows", url="https://a.example.com", **{"headers.name": ["X-A", ""]})
    form = Form(more)
    assert form.values["headers.name"] == ["X-A", "", "", "", "", ""]
    assert form.values["url"] == ["https://a.example.com"]


def test_events_are_boxes_and_patterns(portal: Portal, alice: User) -> None:
    browser = portal(alice)
    chosen = {"events": ["asset.created"], "events.more": "stock.*, order.paid"}
    assert send_form(browser, WEBHOOK, do="save", url="https://a.example.com", **chosen).status_code == 303
    assert Integration.objects.get().subscriptions == ["asset.created", "stock.*", "order.paid"]
    form = Form(browser.get(WEBHOOK))
    assert (form.values["events"], form.values["events.more"]) == (["asset.created"], ["stock.*, order.paid"])
    none = send_form(browser, WEBHOOK, do="save", events=None, **{"events.more": ""})
    assert none.status_code == 422
    assert "Events: Must have at least 1 item" in none.content.decode()


def test_a_changed_destination_asks_for_the_secrets_again(portal: Portal, alice: User) -> None:
    connect_webhook(alice, headers={"Authorization": "Bearer kept"})
    refused = send_form(portal(alice), WEBHOOK, do="save", url="https://elsewhere.example.com")
    assert refused.status_code == 422
    assert "Must be given again, because url changed." in refused.content.decode()


def test_what_must_be_given_again_is_asked_before_anything_is_saved(portal: Portal, alice: User) -> None:
    connect_webhook(alice, headers={"Authorization": "Bearer kept"})
    browser = portal(alice)
    page = browser.get(WEBHOOK).content.decode()
    assert "Give these again" not in page
    assert page.count('hx-vals=\'{"do": "asks"}\'') >= 1
    for action in ("asks", "rows"):
        asked = send_form(browser, WEBHOOK, do=action, url="https://elsewhere.example.com")
        assert '<a href="#f-headers">Headers, because of: URL</a>' in asked.content.decode()
        assert '<a href="#f-secret">' not in asked.content.decode()  # it signs, and is not sent
    same = send_form(
        browser, WEBHOOK, do="asks", **{"headers.name": ["Authorization"], "headers.value": ["Bearer new"]}
    )
    assert "Give these again" not in same.content.decode()


def test_an_optional_secret_can_be_erased(portal: Portal, alice: User) -> None:
    slack = FILLED["slack"] | {"signingSecret": "8f742231b10e8888abcd99aaabbb85a5"}
    save_integration(alice, "slack", slack)
    assert send_form(portal(alice), CONNECT.format("slack"), do="save", erase=["signingSecret"]).status_code == 303
    assert "signingSecret" not in Integration.objects.get().secrets


def test_a_test_saves_nothing_and_says_what_it_found(portal: Portal, alice: User) -> None:
    browser = portal(alice)
    with FakeServer(lambda request: (200, {}, b"ok")) as server:
        tested = send_form(browser, WEBHOOK, do="test", url=server.url)
    assert "It works" in tested.content.decode()
    assert not Integration.objects.exists()
    assert Form(tested).values["url"] == [server.url]
    failed = send_form(browser, WEBHOOK, do="test", url="http://127.0.0.1:9/")
    assert failed.status_code == 422
    assert "That did not work" in failed.content.decode()


def test_a_test_uses_what_is_stored_also_while_paused(portal: Portal, alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"ok")) as server:
        connect_webhook(alice, server.url, headers={"Authorization": "Bearer kept"})
        Integration.objects.update(status="paused")
        tested = send_form(portal(alice), WEBHOOK, do="test")
        assert "It works" in tested.content.decode()
        assert server.requests[-1].headers["authorization"] == "Bearer kept"
    assert not Integration.objects.get().is_active


def test_saving_paused_and_resuming(portal: Portal, alice: User) -> None:
    browser = portal(alice)
    assert send_form(browser, WEBHOOK, do="pause", url="https://a.example.com").status_code == 303
    assert not Integration.objects.get().is_active
    assert send_form(browser, WEBHOOK, do="save").status_code == 303
    assert not Integration.objects.get().is_active
    assert send_form(browser, WEBHOOK, do="resume").status_code == 303
    assert Integration.objects.get().is_active


def test_a_form_of_another_session_changes_nothing(portal: Portal, alice: User, bob: User) -> None:
    form = Form(portal(bob).get(WEBHOOK))
    refused = form.send(portal(alice), WEBHOOK, do="save", url="https://a.example.com")
    assert refused.status_code == 403
    assert Client().post(WEBHOOK, {"url": "https://a.example.com"}).status_code == 302
    assert not Integration.objects.exists()


def test_a_type_that_needs_a_sign_in_says_what_its_operator_has_to_do(portal: Portal, alice: User) -> None:
    page = portal(alice).get(CONNECT.format("google_drive")).content.decode()
    assert "OAUTH_GOOGLE_DRIVE_CLIENT_ID" in page
    assert "Save and connect" not in page


def test_a_type_without_a_client_offers_its_key_form(portal: Portal, alice: User, settings: Any) -> None:
    browser = portal(alice)
    assert "Sign in at GitHub" not in browser.get(CONNECT.format("github")).content.decode()
    settings.OAUTH_CLIENTS = {"github": ("client", "secret")}
    page = browser.get(CONNECT.format("github")).content.decode()
    assert "Sign in at GitHub" in page
    assert "Or give a key" in page


def test_too_many_saves_are_refused_as_by_the_api(portal: Portal, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {**SimpleRateThrottle.THROTTLE_RATES, "save": "1/hour"})
    browser = portal(alice)
    assert send_form(browser, WEBHOOK, do="save", url="https://a.example.com").status_code == 303
    refused = send_form(browser, WEBHOOK, do="save", url="https://b.example.com")
    assert refused.status_code == 429
    assert Form(refused).values["url"] == ["https://b.example.com"]


def test_the_secret_of_a_webhook_is_kept(portal: Portal, alice: User) -> None:
    connect_webhook(alice, "https://a.example.com/hook")
    assert send_form(portal(alice), WEBHOOK, do="save", **{"events.more": "stock.*"}).status_code == 303
    assert Integration.objects.get().secrets["secret"] == SECRET

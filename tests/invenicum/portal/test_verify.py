"""The page that says what is wrong with a request, and the inbox that shows what arrives."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from integrations.core.signature_faults import Fault, Finding
from integrations.core.signing import standard_key
from integrations.lookups import find
from integrations.models import Integration
from integrations.signing_secrets import rotate_signing_secret
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from invenicum.portal import inboxes
from invenicum.portal.fault_texts import TEXTS, said_of
from invenicum.portal.models import Inbox, InboxRequest
from invenicum.portal.pasted_headers import read_headers
from tests.factories import SECRET, connect_webhook
from tests.fakes.http_server import FakeServer
from webhooks.engine.worker import drain
from webhooks.models import Delivery

from .conftest import Portal
from .forms import Form, send_form

pytestmark = pytest.mark.django_db
VERIFY, INBOX = "/portal/verify", "/portal/verify/inbox"


def sent_by(owner: User, **config: Any) -> InboxRequest:
    """A request as the owner's webhook makes it now."""
    connect_webhook(owner, **config)
    inbox = inboxes.open_inbox(owner)
    inboxes.send_sample(inbox)
    return InboxRequest.objects.get(inbox=inbox)


def pasted(request: InboxRequest) -> dict[str, str]:
    return {
        "headers": "\n".join(f"{name}: {value}" for name, value in request.headers),
        "body": bytes(request.body).decode(),
    }


def test_a_request_that_is_right_is_called_right(portal: Portal, alice: User) -> None:
    request = sent_by(alice, headers={"Authorization": "Bearer kept-secret"})
    page = send_form(portal(alice), VERIFY, do="check", **pasted(request)).content.decode()
    assert "webhook-signature was made with your secret" in page
    assert "X-Invenicum-Signature was made with your secret" in page
    assert 'class="banner bad' not in page


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_has_its_words(fault: Fault) -> None:
    [said] = said_of([Finding(fault, "webhook-id", "7")])
    assert said.title
    assert "%(" not in said.text
    assert set(TEXTS) == set(Fault)


def test_mistakes_of_the_code_are_named_and_nothing_typed_is_lost(portal: Portal, alice: User) -> None:
    request, browser = sent_by(alice), portal(alice)
    values = pasted(request)
    headers = read_headers(values["headers"])
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{values['body']}".encode()
    undecoded = base64.b64encode(hmac.digest(SECRET.encode(), text, "sha256")).decode()
    page = send_form(browser, VERIFY, do="check", computed=undecoded, secret=SECRET, **values)
    assert "The secret was used undecoded" in page.content.decode()
    assert SECRET not in page.content.decode()
    form = Form(page)
    assert (form.values["headers"], form.values["body"]) == ([values["headers"]], [values["body"]])
    assert form.values["computed"] == [undecoded]
    in_hex = hmac.digest(standard_key(SECRET), text, "sha256").hex()
    again = form.send(browser, VERIFY, computed=in_hex, **{"with": "webhook-signature"})
    assert "The signature is in hexadecimal" in again.content.decode()


def test_a_body_that_was_written_again_is_compared_with_the_one_that_was_sent(portal: Portal, alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        connect_webhook(alice, server.url)
        publish(alice, "asset.created", {"assetId": "a", "price": 1.50})
        drain()
    [request] = server.requests
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
    browser = portal(alice)
    for body, words in (
        (json.dumps(json.loads(request.body), indent=2), "The body was written again"),
        (request.body.decode().replace("1.5", "1.6"), "from byte"),
    ):
        page = send_form(browser, VERIFY, do="check", headers=headers, body=body).content.decode()
        assert words in page
        assert "The signature does not match" not in page


def test_after_a_rotation_the_previous_secret_is_named(portal: Portal, alice: User) -> None:
    request = sent_by(alice)
    rotate_signing_secret(alice, "webhook")
    page = send_form(portal(alice), VERIFY, do="check", **pasted(request)).content.decode()
    assert "That is the previous secret" in page


def test_another_users_secrets_are_not_tried(portal: Portal, alice: User, charlie: User) -> None:
    request = sent_by(alice)
    page = send_form(portal(charlie), VERIFY, do="check", **pasted(request)).content.decode()
    assert "Nothing to verify with" in page
    connect_webhook(charlie, secret="whsec_" + base64.b64encode(b"x" * 32).decode())
    page = send_form(portal(charlie), VERIFY, do="check", **pasted(request)).content.decode()
    assert "was made with your secret" not in page


def test_who_may_look_only_has_no_form(portal: Portal, alice: User) -> None:
    browser = portal(alice, read_only=True)
    page = browser.get(VERIFY)
    assert "Check it" not in page.content.decode()
    assert "hmac.digest" in page.content.decode()
    for address in (VERIFY, INBOX):
        assert browser.post(address, {"do": "open"}).status_code == 403
    assert "OpenSSL" in browser.get(f"{VERIFY}?in=rb").content.decode()
    assert browser.get(f"{VERIFY}?in=../../x").status_code == 200


def test_headers_are_read_as_people_have_them() -> None:
    expected = {"webhook-id": "evt_1", "x-a": "b:c"}
    for text in (
        "webhook-id: evt_1\r\nX-A: b:c",
        "> Webhook-Id: evt_1\n> X-A: b:c\n>",
        '{"Webhook-Id": "evt_1", "X-A": ["b:c"]}',
        "'webhook-id': 'evt_1',\n'x-a': 'b:c',",
    ):
        assert read_headers(text) == expected
    assert read_headers("nothing here") == read_headers("") == read_headers("[1]") == {}


def test_an_inbox_receives_and_judges(portal: Portal, alice: User, settings: Any) -> None:
    browser = portal(alice)
    assert "You have no inbox" in browser.get(INBOX).content.decode()
    send_form(browser, INBOX, do="open")
    inbox = Inbox.objects.get()
    assert inboxes.address_of(inbox) in browser.get(INBOX).content.decode()
    path = f"/portal/inbox/{inbox.key}"
    headers = {"Authorization": "Bearer a-secret-of-theirs", "webhook-id": "evt_1"}
    for method in ("post", "put", "patch", "delete", "get"):
        assert getattr(Client(), method)(path, headers=headers).status_code == 204
    Client().post(path, '{"<a>": 1}', content_type="application/json")
    page = browser.get(INBOX).content.decode()
    assert "a-secret-of-theirs" not in page
    assert "There is no signature" in page
    assert "&lt;a&gt;" in page
    assert InboxRequest.objects.count() == 6
    assert Client().post("/portal/inbox/" + "x" * 43).status_code == 410
    assert Client().post("/portal/inbox/x").status_code == 410
    assert Client().options(path).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_a_webhook_is_connected_to_it_with_one_click(
    portal: Portal, alice: User, live_server: Any, settings: Any
) -> None:
    settings.PUBLIC_URL = live_server.url
    browser = portal(alice)
    send_form(browser, INBOX, do="open")
    send_form(browser, INBOX, do="connect")
    assert find(alice, "webhook").config["url"] == inboxes.address_of(Inbox.objects.get())
    drain()
    assert Delivery.objects.get().status == "delivered"
    page = browser.get(INBOX).content.decode()
    assert "The signature is right" in page
    assert "ping" in page
    send_form(browser, INBOX, do="sample")
    assert InboxRequest.objects.count() == 2
    assert Integration.objects.count() == 1


def test_a_saved_webhook_is_not_replaced(portal: Portal, alice: User) -> None:
    connect_webhook(alice, "https://shop.example.com/hooks")
    browser = portal(alice)
    send_form(browser, INBOX, do="open")
    send_form(browser, INBOX, do="connect")
    assert find(alice, "webhook").config["url"] == "https://shop.example.com/hooks"


def test_an_inbox_is_bounded_in_number_bytes_and_time(
    alice: User, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(inboxes, "MAX_REQUESTS", 3)
    monkeypatch.setattr(inboxes.InboxThrottle, "rate", "6/min")
    inbox = inboxes.open_inbox(alice)
    path = f"/portal/inbox/{inbox.key}"
    with django_assert_max_num_queries(10):
        assert Client().post(path, b"x" * 40_000, content_type="text/plain").status_code == 204
    kept = InboxRequest.objects.get()
    assert (len(kept.body), kept.size) == (inboxes.MAX_KEPT_BYTES, 40_000)
    for number in range(5):
        assert Client().post(path, str(number), content_type="text/plain").status_code == 204
    assert [bytes(one.body) for one in InboxRequest.objects.all()] == [b"4", b"3", b"2"]
    refused = Client().post(path, "6", content_type="text/plain")
    assert (refused.status_code, int(refused["Retry-After"]) > 0) == (429, True)
    large = Client().post(path, b"x" * (inboxes.MAX_BODY_BYTES + 1), content_type="text/plain")
    assert large.status_code == 413
    Inbox.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().post(path).status_code == 410
    inboxes.remove_expired()
    assert not InboxRequest.objects.exists()


def test_others_see_nothing_of_it(portal: Portal, alice: User, charlie: User) -> None:
    inbox = inboxes.open_inbox(alice)
    Client().post(f"/portal/inbox/{inbox.key}", "of-alice", content_type="text/plain")
    assert "You have no inbox" in portal(charlie).get(INBOX).content.decode()
    mine = portal(charlie)
    for action in ("close", "extend", "sample", "connect"):
        Form(mine.get(VERIFY)).send(mine, INBOX, do=action)
    assert Inbox.objects.get() == inbox
    browser = portal(alice)
    send_form(browser, INBOX, do="extend")
    send_form(browser, INBOX, do="close")
    assert not Inbox.objects.exists()

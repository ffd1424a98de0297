"""Signing in at a service from a frame; the windows themselves are in tests/e2e/test_portal_in_a_frame.py."""

from typing import Any

import pytest
from django.test import Client

from integrations.models import Integration
from invenicum.accounts.models import User
from oauth_flows import clients, confirmations
from oauth_flows.authorizations import NO_TOKEN
from oauth_flows.code_exchange import Connection
from oauth_flows.models import StartLink
from oauth_flows.protocol import Tokens

from .conftest import Portal
from .forms import Form

pytestmark = pytest.mark.django_db
FORM = "/portal/services/google_drive/connect"
WINDOW = "/portal/services/google_drive/window"


@pytest.fixture(autouse=True)
def google(settings: Any) -> None:
    settings.OAUTH_CLIENTS = {"google_drive": ("client", "secret")}
    settings.PORTAL_FRAME_ORIGINS = ["https://app.example.com"]


def in_frame(portal: Portal, owner: User) -> Client:
    """A browser of `owner` with the portal in a frame; a test client does not send Secure cookies by itself."""
    browser = portal(owner, embed=True)
    return Client(headers={"Cookie": f"invenicum_portal={browser.cookies['invenicum_portal'].value}"})


def result_for(owner: User) -> str:
    tokens = Tokens("access", "refresh", 3600, None, {"access_token": "access"})
    return confirmations.keep(
        owner, clients.client_for("google_drive"), Connection(tokens, "ada@example.com"), NO_TOKEN
    )


def test_the_window_comes_back_to_a_page_of_the_portal(portal: Portal, alice: User) -> None:
    browser = in_frame(portal, alice)
    page = Form(browser.get(FORM), "/window").send(browser, WINDOW)
    link = StartLink.objects.get()
    assert (link.owner, link.return_url) == (alice, "http://localhost:8000/portal/window")
    assert "/oauth/open/google_drive?code=" in page.content.decode()


def test_a_result_connects_the_user_it_was_made_for_and_nobody_else(portal: Portal, alice: User, bob: User) -> None:
    result = result_for(alice)
    refused = confirm(in_frame(portal, bob), result)
    assert refused.status_code == 400
    assert "belongs to another user" in refused.content.decode()
    assert not Integration.objects.exists()
    done = confirm(in_frame(portal, alice), result)
    assert (done.status_code, done["Location"]) == (303, "/portal/services/google_drive?done=connected")
    assert Integration.objects.get().owner == alice
    assert confirm(in_frame(portal, alice), result).status_code == 400


def test_who_only_looks_opens_no_window(portal: Portal, alice: User) -> None:
    assert portal(alice, read_only=True).post(WINDOW).status_code == 403
    assert portal(alice, read_only=True).post(f"{WINDOW}/confirm").status_code == 403


def confirm(browser: Client, result: str) -> Any:
    page = Form(browser.get(FORM), "/window").send(browser, WINDOW)
    return Form(page, "/confirm").send(browser, f"{WINDOW}/confirm", result=result)

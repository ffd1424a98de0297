"""`POST /portal/links`, and the sessions that its links open."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken

from invenicum.accounts import portal_sessions
from invenicum.accounts.models import PortalLink, PortalSession, User
from invenicum.accounts.tokens import issue_token
from invenicum.portal.cookies import COOKIE_NAME
from tests.api_client import Api

from .conftest import Portal, code_of
from .forms import press

LINKS = "/api/v1/portal/links"
pytestmark = pytest.mark.django_db


def ask(token: str, **body: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return Client().post(LINKS, body, content_type="application/json", headers=headers)


def test_a_link_opens_a_session_of_its_owner(api: Api, alice: User) -> None:
    answer = api(alice).post(LINKS, {"path": "/services/slack/connect"})
    assert answer.status_code == 200
    address = urlsplit(answer.json()["data"]["url"])
    assert (address.path, address.query) == ("/portal/open", "")
    browser = Client()
    opened = browser.post("/portal/open", {"code": address.fragment})
    assert (opened.status_code, opened["Location"]) == (303, "/portal/services/slack/connect")
    assert "alice@example.com" in browser.get("/portal").content.decode()


def test_a_pasted_link_works_too(alice: User) -> None:
    code = code_of(alice)
    assert Client().post("/portal/open", {"code": f" http://localhost/portal/open#{code} "}).status_code == 303


def test_the_code_and_the_key_are_stored_as_digests_only(alice: User) -> None:
    code, browser = code_of(alice), Client()
    browser.post("/portal/open", {"code": code})
    key = browser.cookies[COOKIE_NAME].value
    rows = [*PortalLink.objects.values_list(), *PortalSession.objects.values_list()]
    assert code not in str(rows)
    assert key not in str(rows)


def test_a_link_works_once(alice: User) -> None:
    code = code_of(alice, return_url="https://app.example.com/tools")
    assert Client().post("/portal/open", {"code": code}).status_code == 303
    again = Client().post("/portal/open", {"code": code})
    assert again.status_code == 410
    assert "Open again from Invenicum" in again.content.decode()
    assert 'href="https://app.example.com/tools"' in again.content.decode()
    assert PortalSession.objects.count() == 1


def test_looking_at_the_link_does_not_use_it(alice: User) -> None:
    code = code_of(alice)
    assert Client().get("/portal/open").status_code == 200
    assert Client().post("/portal/open", {"code": code}).status_code == 303


def test_a_link_expires(alice: User) -> None:
    code = code_of(alice, expires_in=5)
    PortalLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().post("/portal/open", {"code": code}).status_code == 410


def test_a_link_lives_ten_minutes_at_most(alice: User) -> None:
    token = issue_token(alice)
    for wrong in (0, 601, "600", 1.5, True, None):
        assert ask(token, expiresIn=wrong).json()["details"] == {"expiresIn": ["must be an integer from 1 to 600"]}
    assert ask(token, expiresIn=600).status_code == 200


def test_another_site_cannot_open_a_link_in_somebodys_browser(alice: User) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert Client().post("/portal/open", {"code": code_of(alice)}, headers=headers).status_code == 403
    assert not PortalSession.objects.exists()


def test_a_session_ends_when_its_token_is_revoked(portal: Portal, alice: User) -> None:
    token = issue_token(alice)
    browser = portal(alice, token=token)
    assert browser.get("/portal").status_code == 200
    AccessToken.objects.all().delete()
    page = browser.get("/portal")
    assert page.status_code == 403
    assert "Open again from Invenicum" in page.content.decode()


def test_a_session_ends_when_its_token_expires(portal: Portal, alice: User) -> None:
    browser = portal(alice, token=issue_token(alice, lifetime=timedelta(hours=1)))
    session = PortalSession.objects.get()
    assert session.expires_at == AccessToken.objects.get().expires
    AccessToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert browser.get("/portal").status_code == 403


def test_a_link_ends_with_its_token(alice: User) -> None:
    code = code_of(alice)
    AccessToken.objects.all().delete()
    assert Client().post("/portal/open", {"code": code}).status_code == 410


def test_a_session_has_no_more_scopes_than_its_token(portal: Portal, alice: User) -> None:
    browser = portal(alice, "integrations:read")
    assert browser.get("/portal").status_code == 200
    assert browser.get("/portal/services/webhook/disconnect").status_code == 403
    assert browser.post("/portal/services/webhook/connect", {}).status_code == 403


def test_a_session_loses_the_scopes_that_its_token_loses(portal: Portal, alice: User) -> None:
    browser = portal(alice)
    AccessToken.objects.update(scope="deliveries:read")
    assert browser.get("/portal").status_code == 403


def test_the_cookie_opens_no_admin_page_and_no_api(portal: Portal, admin_user: User) -> None:
    browser = portal(admin_user)
    assert browser.get("/portal").status_code == 200
    assert browser.get("/admin/").status_code == 302
    assert browser.get("/api/v1/integrations/status").status_code == 401
    cookie = browser.cookies[COOKIE_NAME]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/portal", True, "Lax")


def test_leaving_ends_the_session(portal: Portal, alice: User) -> None:
    browser = portal(alice)
    assert press(browser, "/portal", "/leave").status_code == 200
    assert not PortalSession.objects.exists()
    assert browser.get("/portal").status_code == 302


def test_an_ended_session_does_not_go_on_as_the_user_who_signed_in_here(portal: Portal, alice: User, bob: User) -> None:
    browser = portal(alice)
    browser.force_login(bob)
    assert "alice@example.com" in browser.get("/portal").content.decode()
    PortalSession.objects.all().delete()
    assert "bob@example.com" not in browser.get("/portal").content.decode()


def test_where_a_link_leads_and_goes_back_to_is_checked(api: Api, alice: User, settings: Any) -> None:
    client = api(alice)
    for path in ("//evil.example", "https://evil.example", "services", "/a b", "/\\evil", 5, "/" + "x" * 600):
        assert "path" in client.post(LINKS, {"path": path}).json()["details"], path
    settings.OAUTH_RETURN_ORIGINS = ["https://app.example.com", "invenicum://"]
    for url in ("https://evil.example/", "javascript:alert(1)", "//app.example.com"):
        assert "returnUrl" in client.post(LINKS, {"returnUrl": url}).json()["details"], url
    for url in ("https://app.example.com/tools", "invenicum://tools"):
        assert client.post(LINKS, {"returnUrl": url}).status_code == 200


def test_a_frame_needs_an_origin_that_may_frame(api: Api, alice: User, settings: Any) -> None:
    assert "embed" in api(alice).post(LINKS, {"embed": True}).json()["details"]
    settings.PORTAL_FRAME_ORIGINS = ["https://app.example.com"]
    link = api(alice).post(LINKS, {"embed": True}).json()["data"]["url"]
    browser = Client()
    opened = browser.post("/portal/open", {"code": link})
    header = opened.cookies[COOKIE_NAME].OutputString()
    assert header.endswith("; Partitioned")
    assert "SameSite=None" in header
    assert "Secure" in header
    page = Client(headers={"Cookie": f"{COOKIE_NAME}={opened.cookies[COOKIE_NAME].value}"}).get("/portal")
    assert "frame-ancestors https://app.example.com" in page["Content-Security-Policy"]
    assert "X-Frame-Options" not in page


def test_only_embedded_sessions_can_be_framed(portal: Portal, alice: User, settings: Any) -> None:
    settings.PORTAL_FRAME_ORIGINS = ["https://app.example.com"]
    page = portal(alice).get("/portal")
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert page["X-Frame-Options"] == "DENY"


def test_accent_and_theme_are_those_of_the_link(portal: Portal, alice: User) -> None:
    browser = portal(alice, accent="#00aa55", theme="dark")
    page = browser.get("/portal").content.decode()
    assert '<html lang="en" class="dark">' in page
    assert "/portal/accent.css" in page
    assert "--accent:" in browser.get("/portal/accent.css").content.decode()
    assert "/portal/accent.css" not in portal(alice).get("/portal").content.decode()


def test_what_has_ended_is_removed(portal: Portal, alice: User) -> None:
    portal(alice)
    old = timezone.now() - portal_sessions.LINK_MEMORY - timedelta(seconds=1)
    PortalLink.objects.update(expires_at=old)
    PortalSession.objects.update(expires_at=old)
    portal_sessions.forget_ended()
    assert not PortalLink.objects.exists()
    assert not PortalSession.objects.exists()

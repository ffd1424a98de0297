"""The links with which an app begins an authorization in a browser."""

from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from invenicum.accounts.models import BrowserSession, User
from oauth_flows.models import Authorization, StartLink
from tests.api_client import Api
from tests.fakes.authorization_server import AuthorizationServer
from tests.oauth_flows.consent import Consent
from tests.oauth_flows.native_app import CALLBACK, PAGE, RETURN_URL, START, press, start
from tests.oauth_flows.test_authorizations import leaked
from webhooks import duties

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("native")]


def test_an_app_gets_a_link_that_works_for_ten_minutes(alice: User, api: Api, settings: Settings) -> None:
    answer = api(alice).post(START, {"returnUrl": RETURN_URL})
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    data = answer.json()["data"]
    assert list(data) == ["startUrl", "expiresAt"]
    assert data["startUrl"].startswith(f"{settings.PUBLIC_URL}/api/v1/integrations/oauth/open/google_drive?code=")
    assert len(data["startUrl"].partition("?code=")[2]) >= 43  # 256 bits as base64
    left = datetime.fromisoformat(data["expiresAt"]) - timezone.now()
    assert 590 < left.total_seconds() <= 600


def test_opening_the_link_does_not_use_it_up(alice: User, api: Api) -> None:
    link, browser = start(api(alice)), Client()
    for _ in range(3):
        assert browser.head(link).status_code == 405
        page = browser.get(link, headers={**PAGE, "Sec-Purpose": "prefetch"})
        assert page.status_code == 200
    assert not browser.cookies
    assert not BrowserSession.objects.exists()
    assert not Authorization.objects.exists()
    assert press(browser, link).status_code == 302


def test_the_page_of_the_link_has_one_button_that_needs_no_script(alice: User, api: Api) -> None:
    link = start(api(alice))
    page = Client().get(link, headers=PAGE)
    text = page.content.decode()
    assert ">Continue to Google Drive</button>" in text
    assert f'<form method="post" action="?{urlsplit(link).query}"' in text
    assert "<script" not in text
    assert "If you did not just ask for this in Invenicum yourself, close this window." in text
    assert page["Referrer-Policy"] == "no-referrer"
    assert page["Cache-Control"] == "no-store"
    policy = page["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action" not in policy  # it would apply to the redirects to the provider and to the app


def test_the_button_leads_to_the_provider_once(drive: AuthorizationServer, alice: User, api: Api) -> None:
    link, browser = start(api(alice)), Client()
    redirect = press(browser, link)
    assert redirect.status_code == 302
    assert redirect["Location"].startswith(f"{drive.url}/o/authorize/?")
    assert parse_qs(urlsplit(redirect["Location"]).query)["code_challenge_method"] == ["S256"]
    for again in (press(browser, link), browser.get(link, headers=PAGE), press(Client(), link)):
        assert again.status_code == 400
        assert "has expired or was used already" in again.content.decode()


def test_an_expired_or_unknown_link_leads_nowhere(alice: User, api: Api) -> None:
    link = start(api(alice))
    StartLink.objects.update(expires_at=timezone.now())
    for address in (link, link.replace("google_drive", "github"), f"{link}x", link.partition("?")[0]):
        for answer in (Client().get(address), Client().post(address)):
            assert (answer.status_code, answer.json()["error"]) == (400, "OAUTH_ERROR")
    assert Client().get(link.replace("google_drive", "fax"), headers=PAGE).status_code == 404


def test_a_link_of_another_type_leads_nowhere_and_still_works(alice: User, api: Api) -> None:
    link = start(api(alice))
    assert press(Client(), link.replace("google_drive", "github")).status_code == 400
    assert press(Client(), link).status_code == 302


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_another_site_cannot_press_the_button(alice: User, api: Api, site: str) -> None:
    link = start(api(alice))
    assert press(Client(), link, **{"Sec-Fetch-Site": site}).status_code == 400
    assert press(Client(), link).status_code == 302


def test_a_link_ends_with_its_user(alice: User, api: Api) -> None:
    link = start(api(alice))
    User.objects.update(is_active=False)
    assert press(Client(), link).status_code == 400
    alice.delete()
    assert not StartLink.objects.exists()


def test_links_that_were_not_opened_are_removed(alice: User, api: Api) -> None:
    start(api(alice))
    duties.run_all("connections", "jobs")
    assert StartLink.objects.exists()
    StartLink.objects.update(expires_at=timezone.now())
    duties.run_all("connections", "jobs")
    assert not StartLink.objects.exists()


def test_the_code_of_a_link_is_not_stored_in_clear(alice: User, api: Api) -> None:
    link = start(api(alice))
    assert leaked([link.partition("?code=")[2]]) == []


def test_starting_needs_a_user_the_right_scope_and_a_return_url(alice: User, api: Api) -> None:
    body = {"returnUrl": RETURN_URL}
    assert Client().post(START, body, "application/json").status_code == 401
    assert api(alice, "integrations:read").post(START, body).status_code == 403
    refused = api(alice).post(START, {})
    assert (refused.status_code, refused.json()["details"]) == (400, {"returnUrl": ["this field is required"]})


@pytest.mark.parametrize("url", ["", "otherapp://oauth", "javascript:alert(1)", "https://evil.example.com", "/x"])
def test_the_return_url_must_be_allowed(alice: User, api: Api, url: str) -> None:
    refused = api(alice).post(START, {"returnUrl": url})
    assert (refused.status_code, refused.json()["error"]) == (400, "OAUTH_ERROR")
    assert "OAUTH_RETURN_ORIGINS" in refused.json()["message"]
    assert not StartLink.objects.exists()


def test_a_type_without_oauth_or_unknown_is_refused_at_once(alice: User, api: Api) -> None:
    body, app = {"returnUrl": RETURN_URL}, api(alice)
    assert "not connected with OAuth" in app.post(START.replace("google_drive", "s3"), body).json()["message"]
    assert "OAUTH_GITHUB_CLIENT_ID" in app.post(START.replace("google_drive", "github"), body).json()["message"]
    assert app.post(START.replace("google_drive", "fax"), body).status_code == 404


def test_a_user_who_declines_sees_the_reason_and_can_return_to_the_app(ada: Consent, alice: User, api: Api) -> None:
    browser = Client()
    redirect = press(browser, start(api(alice)))
    page = browser.get(CALLBACK, ada.deny(redirect["Location"]), headers=PAGE)
    assert page.status_code == 400
    text = page.content.decode()
    assert "The access was not granted" in text
    assert 'href="invenicum://oauth?status=failed&amp;type=google_drive"' in text
    assert "Try again" not in text  # that would be without a confirmation

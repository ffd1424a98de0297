"""The page of an integration, the directory, and who may see and do what."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern
from django.utils import timezone
from rest_framework.throttling import SimpleRateThrottle

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.assets.services import create_asset
from invenicum.portal import urls
from tests.factories import SECRET, connect_webhook
from webhooks.models import Delivery, HourlySum, Lane

from .conftest import Portal
from .forms import press, send_form, text

pytestmark = pytest.mark.django_db
PAGE = "/portal/services/webhook"


def test_pausing_and_resuming(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    browser = portal(alice)
    assert press(browser, PAGE, "/pause")["Location"] == f"{PAGE}?done=paused"
    assert Integration.objects.get().status == "paused"
    assert "Paused. Nothing is sent until you resume it." in text(browser.get(f"{PAGE}?done=paused"))
    assert press(browser, PAGE, "/resume").status_code == 303
    assert Integration.objects.get().is_active


def test_a_ping_is_followed_until_it_has_ended(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    browser = portal(alice)
    shown = press(browser, PAGE, "/ping")["Location"]
    assert "Asking Custom Webhook…" in text(browser.get(shown))
    assert 'http-equiv="refresh"' in text(browser.get(shown))
    delivery = Delivery.objects.get()
    delivery.attempts.create(started_at=timezone.now(), duration_ms=87, status_code=204)
    Delivery.objects.update(status="delivered", attempt_count=1, due_at=None)
    page = text(browser.get(shown))
    assert "Custom Webhook accepted it with 204, after 87 ms." in page
    assert 'http-equiv="refresh"' not in page


def test_the_banner_says_why_and_when_it_is_tried_again(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    create_asset(alice, {"name": "Leica M3"})
    now = timezone.now()
    Integration.objects.update(
        problem="The service answered 503.", problem_fault="service", failing_since=now - timedelta(hours=2)
    )
    Lane.objects.update(failures=12, held_until=now + timedelta(minutes=4))
    page = text(portal(alice).get(PAGE))
    assert "Custom Webhook does not take what is sent" in page
    assert "The service answered 503. This began <time" in page
    assert "1 delivery waits. The next try is <time" in page
    assert ">in 4 min</time>, by itself." in page


def test_deliveries_are_in_a_persons_words(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    create_asset(alice, {"name": "Leica M3"})
    Delivery.objects.update(attempt_count=2, error="HTTP 503")
    page = text(portal(alice).get(PAGE))
    assert "Leica M3" in page
    assert "retrying 3 of 10" in page
    assert "HTTP 503" in page
    assert "retrying 3 of 10" in page
    Integration.objects.update(status="paused")
    Delivery.objects.update(due_at=None)
    assert "waiting for you" in text(portal(alice).get(PAGE))


def test_names_from_outside_are_text_not_markup(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    create_asset(alice, {"name": "<script>alert(1)</script>"})
    assert "<script>" not in text(portal(alice).get(PAGE))


def test_disconnecting_asks_once_and_erases(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    create_asset(alice, {"name": "Leica M3"})
    browser = portal(alice)
    page = text(browser.get(f"{PAGE}/disconnect"))
    assert "erased here, for good" in page
    assert "1 delivery that waits is cancelled" in page
    assert Integration.objects.live().exists()
    assert send_form(browser, f"{PAGE}/disconnect").status_code == 303
    assert not Integration.objects.live().exists()


def test_the_signing_secret_is_shown_when_asked_for_and_can_be_replaced(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    browser = portal(alice)
    assert SECRET not in text(browser.get(PAGE))
    assert SECRET in text(press(browser, PAGE, "/secret"))
    assert browser.get(f"{PAGE}/secret").status_code == 405
    token = browser.get(PAGE).content.decode().partition('name="token" value="')[2][:64]
    replaced = text(browser.post(f"{PAGE}/secret", {"token": token, "do": "rotate"}))
    assert SECRET not in replaced
    assert Integration.objects.get().secrets["secret"] in replaced
    assert ">in 1 day</time>" in replaced


def test_changes_are_limited_as_those_of_the_api(portal: Portal, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    connect_webhook(alice)
    browser = portal(alice)
    token = text(browser.get(PAGE)).partition('name="token" value="')[2][:64]
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {**SimpleRateThrottle.THROTTLE_RATES, "save": "0/hour"})
    for action in ("pause", "disconnect", "secret"):
        assert browser.post(f"{PAGE}/{action}", {"token": token, "do": "rotate"}).status_code == 429, action
    assert browser.post(f"{PAGE}/secret", {"token": token}).status_code == 200
    integration = Integration.objects.get()
    assert (integration.status, integration.secrets["secret"]) == ("active", SECRET)


def test_another_users_integrations_do_not_exist(portal: Portal, alice: User, charlie: User) -> None:
    connect_webhook(alice)
    theirs = press(portal(alice), PAGE, "/ping")["Location"].partition("=")[2]
    browser = portal(charlie)
    assert browser.get(PAGE)["Location"] == f"{PAGE}/connect"
    assert "https://" not in text(browser.get("/portal")).partition("<main")[2].partition("</main>")[0]
    connect_webhook(charlie, "http://127.0.0.1:9/charlie")
    assert browser.get(f"{PAGE}?ping={theirs}").status_code == 404
    token = text(browser.get(PAGE)).partition('name="token" value="')[2][:64]
    Integration.objects.filter(owner=charlie).delete()
    for action in ("pause", "resume", "ping", "disconnect"):
        assert browser.post(f"{PAGE}/{action}", {"token": token}).status_code == 404, action
    assert Integration.objects.get().is_active


def test_a_session_for_reading_sends_nothing(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    token = text(portal(alice).get(PAGE)).partition('name="token" value="')[2][:64]
    browser = portal(alice, read_only=True)
    page = text(browser.get(PAGE))
    assert "Disconnect" not in page
    assert "Send a test" not in page
    for action in ("connect", "pause", "resume", "ping", "secret", "disconnect"):
        assert browser.post(f"{PAGE}/{action}", {"token": token}).status_code == 403, action
    assert browser.get(f"{PAGE}/sign-in").status_code == 403
    assert Integration.objects.get().is_active
    assert not Delivery.objects.exists()


def test_a_session_without_the_scope_sees_no_deliveries(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    create_asset(alice, {"name": "Leica M3"})
    page = text(portal(alice, "integrations:read").get(PAGE))
    assert "Leica M3" not in page
    assert "may not see deliveries" in page


def test_every_page_asks_a_stranger_to_sign_in(alice: User) -> None:
    # The last ones are for what is sent to a test inbox, and for staff, who sign in elsewhere.
    public = {"portal-open", "portal-accent", "portal-window-end", "portal-inbox-receive", "portal-support"}
    paths = [
        "/portal" + str(pattern.pattern).replace("<str:integration_type>", "webhook")
        for pattern in urls.urlpatterns
        if isinstance(pattern, URLPattern) and pattern.name not in public
    ]
    assert len(paths) == len(urls.urlpatterns) - len(public)
    for path in paths:
        for answer in (Client().get(path), Client().post(path)):
            assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/signin"), path


def test_unknown_services_are_not_found(portal: Portal, alice: User) -> None:
    browser = portal(alice)
    for path in ("/portal/services/fax", "/portal/services/fax/connect"):
        assert browser.get(path).status_code == 404
    assert browser.delete("/portal").status_code == 405


def test_cards_show_the_last_24_hours_and_what_comes_next(portal: Portal, alice: User) -> None:
    integration = connect_webhook(alice)
    assert "Nothing delivered yet" in text(portal(alice).get("/portal"))
    now = timezone.now()
    HourlySum.objects.create(integration=integration, hour=_hour_of(now), failed=2, within_50_ms=1203)
    Integration.objects.update(last_sync=now - timedelta(hours=3))
    page = text(portal(alice).get("/portal"))
    assert 'aria-label="Last 24 hours: 1,203 delivered, 2 failed tries"' in page
    assert "Last delivered <time" in page
    assert "24 hours" not in text(portal(alice, "integrations:read").get("/portal"))
    Integration.objects.update(problem="The service answered 503.", problem_fault="service")
    Lane.objects.update(failures=12, held_until=now + timedelta(minutes=4))
    assert ">in 4 min</time>" in text(portal(alice).get("/portal"))


def test_a_service_that_needs_its_owner_says_what_waits_and_leads_to_the_form(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    create_asset(alice, {"name": "Leica M3"})
    Integration.objects.update(problem="The address is gone.", problem_fault="target")
    page = text(portal(alice).get("/portal"))
    assert "Custom Webhook needs you" in page
    assert "The address is gone. 1 delivery waits." in page
    assert f'class="button main" href="{PAGE}/connect">Correct it' in page


def test_the_directory_searches_and_chooses(portal: Portal, alice: User) -> None:
    browser = portal(alice)
    assert "Nothing is connected yet" in text(browser.get("/portal"))
    connect_webhook(alice)
    assert "Nothing is connected yet" not in text(browser.get("/portal"))
    assert "All 12" in text(browser.get("/portal"))
    assert _services(browser.get("/portal?q=chat")) == ["Slack", "Discord", "Microsoft Teams"]
    assert _services(browser.get("/portal?show=connected")) == ["Custom Webhook"]
    assert "All that you connected works." in text(browser.get("/portal?show=attention"))
    Integration.objects.update(problem="The address is gone.", problem_fault="target")
    assert _services(browser.get("/portal?show=attention")) == ["Custom Webhook"]
    assert "Custom Webhook needs you" in text(browser.get("/portal"))


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _services(answer: Any) -> list[str]:
    return [part.partition("</h3>")[0] for part in text(answer).split("<h3>")[1:]]


def test_pages_need_few_statements(portal: Portal, alice: User, django_assert_max_num_queries: Any) -> None:
    connect_webhook(alice)
    for number in range(12):
        create_asset(alice, {"name": f"Asset {number}"})
    browser = portal(alice)
    with django_assert_max_num_queries(13):  # two for the session, one for each OAuth client
        browser.get("/portal")
    with django_assert_max_num_queries(15):
        browser.get(PAGE)

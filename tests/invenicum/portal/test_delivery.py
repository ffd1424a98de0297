"""One delivery: its tries, what was sent, sending it again, and the request for curl."""

import html
import shlex
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks import Webhook as Verifier

from integrations.models import Integration
from integrations.services import delete_integration, save_integration
from invenicum.accounts.models import User
from invenicum.assets.services import create_asset
from tests.factories import SECRET, connect_webhook
from webhooks.models import Delivery

from .conftest import Portal
from .forms import press, text

pytestmark = pytest.mark.django_db
API_KEY = "a-key-that-no-page-shows"
SLACK = {"webhookUrl": "https://hooks.slack.com/services/T00000000/B00000000/" + "X" * 24, "channel": "#assets"}


@pytest.fixture
def delivery(alice: User) -> Delivery:
    connect_webhook(alice, headers={"X-Api-Key": API_KEY})
    create_asset(alice, {"name": "Leica M3", "category": "<b>"})
    return Delivery.objects.get()


def page_of(delivery: Delivery) -> str:
    return f"/portal/deliveries/{delivery.public_id}"


def test_the_tries_that_were_made_and_that_are_planned(portal: Portal, alice: User, delivery: Delivery) -> None:
    now = timezone.now()
    delivery.attempts.create(
        started_at=now - timedelta(minutes=9),
        duration_ms=210,
        status_code=503,
        error_class="http",
        error="The endpoint answered HTTP 503.",
        response_excerpt="upstream <unavailable>",
    )
    delivery.attempts.create(started_at=now, duration_ms=15_000, error_class="timeout", error="No answer in time.")
    Delivery.objects.update(attempt_count=2, due_at=now + timedelta(minutes=12), error="No answer in time.")
    page = text(portal(alice).get(page_of(delivery)))
    assert "<h1>Leica M3" in page
    assert "HTTP 503 after 0.21 s" in page
    assert "no answer in time, after 15 s" in page
    assert "planned, in 12 min" in page
    assert "… until" in page
    assert "retrying 3 of 10" in page
    assert "to Custom Webhook, http://127.0.0.1:9/hook" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page.partition("What was published")[2]
    Delivery.objects.update(status="delivered", due_at=None)
    delivery.attempts.create(started_at=now, duration_ms=9, status_code=200, response_excerpt="<ok>")
    page = text(portal(alice).get(page_of(delivery)))
    assert "planned" not in page
    assert "&lt;ok&gt;" in page


def test_what_the_service_gets_has_dots_for_secrets(portal: Portal, alice: User, delivery: Delivery) -> None:
    page = text(portal(alice).get(page_of(delivery)))
    assert "What Custom Webhook gets" in page
    assert page.count('<span class="dots">') >= 3
    assert page.count(delivery.public_id) > 1
    assert "dlv_000" not in page
    assert API_KEY not in page
    Integration.objects.update(config={})
    assert "What Custom Webhook gets" not in text(portal(alice).get(page_of(delivery)))


def test_why_nothing_is_planned(portal: Portal, alice: User, delivery: Delivery) -> None:
    browser = portal(alice)
    assert "is being sent now" in text(browser.get(page_of(delivery)))
    Integration.objects.update(problem_fault="target", problem="The address is gone.")
    page = text(browser.get(page_of(delivery)))
    assert "Held until you have corrected this" in page
    assert "The address is gone." in page
    Integration.objects.update(problem_fault="", problem="", status="paused")
    Delivery.objects.update(due_at=None)
    assert "It waits until Custom Webhook is active again" in text(browser.get(page_of(delivery)))


def test_only_the_last_of_many_tries_are_shown(portal: Portal, alice: User, delivery: Delivery) -> None:
    now = timezone.now()
    for number in range(25):
        delivery.attempts.create(started_at=now + timedelta(seconds=number), duration_ms=1, error_class="dns")
    Delivery.objects.update(held_attempt_count=25)
    page = text(portal(alice).get(page_of(delivery)))
    assert "5 earlier tries are not shown." in page
    assert page.count("the name does not resolve, after") == 20


def test_sending_it_again(portal: Portal, alice: User, delivery: Delivery) -> None:
    Delivery.objects.update(status="failed", due_at=None, attempt_count=10, finished_at=timezone.now())
    browser = portal(alice)
    done = press(browser, page_of(delivery), "/retry")
    assert done["Location"] == f"{page_of(delivery)}?done=retried"
    assert "It is sent again now." in text(browser.get(done["Location"]))
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempt_count, delivery.due_at is None) == ("pending", 0, False)


def test_the_curl_verifies_and_shows_no_secret(portal: Portal, alice: User, delivery: Delivery) -> None:
    browser = portal(alice)
    page = text(press(browser, page_of(delivery), "/curl"))
    assert SECRET not in page
    assert SECRET.removeprefix("whsec_") not in page
    assert API_KEY not in page
    assert "Put the value of X-Api-Key in" in page
    command = html.unescape(page.partition('<code id="command">')[2].partition("</code>")[0])
    words = shlex.split(command.replace("\\\n", ""))
    assert words[:5] == ["curl", "-i", "-X", "POST", "http://127.0.0.1:9/hook"]
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    body = words[words.index("--data-raw") + 1]
    assert Verifier(SECRET).verify(body, headers) == delivery.event.payload
    assert headers["webhook-id"] == delivery.event.public_id
    assert headers["X-Invenicum-Delivery"] == delivery.public_id
    assert headers["X-Api-Key"] == "YOUR-X-API-KEY"
    assert browser.get(f"{page_of(delivery)}/curl").status_code == 405


def test_a_service_that_signs_nothing_has_no_curl(portal: Portal, alice: User) -> None:
    save_integration(alice, "slack", SLACK)
    create_asset(alice, {"name": "Leica M3"})
    delivery, browser = Delivery.objects.get(), portal(alice)
    page = text(browser.get(page_of(delivery)))
    assert "/curl" not in page
    assert "X" * 24 not in page
    token = page.partition('name="token" value="')[2][:64]
    assert browser.post(f"{page_of(delivery)}/curl", {"token": token}).status_code == 404


def test_the_previous_and_the_next_have_the_same_filters(portal: Portal, alice: User, delivery: Delivery) -> None:
    for name in ("Second", "Third"):
        create_asset(alice, {"name": name})
    Delivery.objects.update(status="failed", due_at=None)
    first, second, third = Delivery.objects.order_by("id")
    Delivery.objects.filter(pk=second.pk).update(status="delivered")
    browser = portal(alice)
    page = text(browser.get(f"{page_of(first)}?state=failed"))
    assert f'rel="prev" href="{page_of(third)}?state=failed"' in page
    assert 'rel="next"' not in page
    page = text(browser.get(page_of(third)))
    assert f'rel="next" href="{page_of(second)}"' in page


def test_deliveries_of_a_disconnected_service_can_be_read(portal: Portal, alice: User, delivery: Delivery) -> None:
    delete_integration(alice, "webhook")
    browser = portal(alice)
    page = text(browser.get(page_of(delivery)))
    assert "disconnected" in page
    assert "/retry" not in page
    token = text(browser.get("/portal")).partition('name="token" value="')[2][:64]
    assert browser.post(f"{page_of(delivery)}/retry", {"token": token}).status_code == 409
    assert browser.post(f"{page_of(delivery)}/curl", {"token": token}).status_code == 404


def test_another_users_delivery_does_not_exist(portal: Portal, alice: User, charlie: User, delivery: Delivery) -> None:
    connect_webhook(charlie, "http://127.0.0.1:9/charlie")
    browser = portal(charlie)
    token = text(browser.get("/portal")).partition('name="token" value="')[2][:64]
    for path in (page_of(delivery), "/portal/deliveries/dlv_" + "0" * 32, "/portal/deliveries/nonsense"):
        assert browser.get(path).status_code == 404
        for action in ("retry", "curl"):
            assert browser.post(f"{path}/{action}", {"token": token}).status_code == 404


def test_a_session_for_reading_sends_nothing(portal: Portal, alice: User, delivery: Delivery) -> None:
    Delivery.objects.update(status="failed", due_at=None)
    token = text(portal(alice).get(page_of(delivery))).partition('name="token" value="')[2][:64]
    reader = portal(alice, read_only=True)
    page = text(reader.get(page_of(delivery)))
    assert "/retry" not in page
    assert "/curl" not in page
    for action in ("retry", "curl"):
        assert reader.post(f"{page_of(delivery)}/{action}", {"token": token}).status_code == 403
    assert Delivery.objects.get().status == "failed"


def test_the_page_needs_few_statements(
    portal: Portal, alice: User, delivery: Delivery, django_assert_max_num_queries: Any
) -> None:
    save_integration(alice, "slack", SLACK)
    browser = portal(alice)
    with django_assert_max_num_queries(13):  # two for the session, five for what the service gets
        browser.get(page_of(delivery))

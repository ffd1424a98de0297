"""What an integration's page says of its last 24 hours and its state, and what its buttons do about it."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.throttling import SimpleRateThrottle

from integrations.models import Integration
from integrations.services import save_integration
from invenicum.accounts.models import User
from invenicum.assets.services import create_asset
from tests.factories import connect_webhook
from webhooks import holds
from webhooks.models import Delivery, HourlySum, Lane

from .conftest import Portal
from .forms import press, text

pytestmark = pytest.mark.django_db
PAGE = "/portal/services/webhook"


def fail(owner: User, number: int) -> None:
    """A webhook to which so many deliveries have failed twice, and which is held for four minutes."""
    connect_webhook(owner)
    for one in range(number):
        create_asset(owner, {"name": f"Asset {one}"})
    later = timezone.now() + timedelta(minutes=4)
    Delivery.objects.update(attempt_count=2, due_at=later, error="HTTP 503")
    Integration.objects.update(problem="The service answered 503.", problem_fault="service", failing_since=later)
    Lane.objects.update(failures=12, openings=1, held_until=later)


def test_the_last_24_hours_are_drawn_with_their_tables(portal: Portal, alice: User) -> None:
    integration = connect_webhook(alice)
    assert "Nothing was sent." in text(portal(alice).get(PAGE))
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    HourlySum.objects.create(integration=integration, hour=hour, failed=9, within_500_ms=1204)
    HourlySum.objects.create(integration=integration, hour=hour - timedelta(hours=25), failed=500)
    page = text(portal(alice).get(PAGE))
    assert '<li class="good">delivered <b>1,204</b></li><li class="bad">failed tries <b>9</b></li>' in page
    assert '<p class="scale" aria-hidden="true">1,500 an hour</p>' in page
    assert '<li class="accent">95 of 100 answered within <b>0.5 s</b></li>' in page
    assert f'<th scope="row">{hour:%H:%M}</th><td class="figure">1,204</td><td class="figure">9</td>' in page
    assert "style=" not in page
    assert "24 hours" not in text(portal(alice, "integrations:read").get(PAGE))


def test_try_now_tries_what_has_waited_longest_and_shows_what_becomes_of_it(portal: Portal, alice: User) -> None:
    fail(alice, 2)
    browser = portal(alice)
    shown = press(browser, PAGE, "/try-now")["Location"]
    first, second = Delivery.objects.order_by("id")
    assert shown == f"{PAGE}?ping={first.public_id}"
    assert first.due_at is not None
    assert first.due_at <= timezone.now() < (second.due_at or timezone.now())
    assert Lane.objects.get().held_until is None
    assert "The delivery that has waited longest is tried." in text(browser.get(shown))
    first.attempts.create(started_at=timezone.now(), duration_ms=87, status_code=204)
    Delivery.objects.filter(pk=first.pk).update(status="delivered", attempt_count=1, due_at=None)
    assert "It was delivered" in text(browser.get(shown))


def test_try_now_is_for_what_waits_and_for_those_who_may(
    portal: Portal, alice: User, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(alice, 1)
    browser = portal(alice)
    token = text(browser.get(PAGE)).partition('name="token" value="')[2][:64]
    assert "Try now" not in text(portal(alice, read_only=True).get(PAGE))
    stranger = portal(charlie)
    theirs = text(stranger.get("/portal")).partition('name="token" value="')[2][:64]
    assert stranger.post(f"{PAGE}/try-now", {"token": theirs}).status_code == 404
    rates = {**SimpleRateThrottle.THROTTLE_RATES, "outgoing": "0/hour"}
    with monkeypatch.context() as patch:
        patch.setattr(SimpleRateThrottle, "THROTTLE_RATES", rates)
        assert browser.post(f"{PAGE}/try-now", {"token": token}).status_code == 429
    assert Delivery.objects.get().attempt_count == 2
    Delivery.objects.update(status="delivered", due_at=None)
    assert "Try now" not in text(browser.get(PAGE))
    answer = browser.post(f"{PAGE}/try-now", {"token": token})
    assert "Nothing waits" in text(browser.get(answer["Location"]))


def test_a_new_signing_secret_is_counted_down(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    browser = portal(alice)
    token = text(browser.get(PAGE)).partition('name="token" value="')[2][:64]
    assert "The previous one signs too" not in text(browser.get(PAGE))
    browser.post(f"{PAGE}/secret", {"token": token, "do": "rotate"})
    page = text(browser.get(PAGE))
    assert "The previous one signs too, and ends <time" in page
    assert ">in 1 day</time>" in page
    secrets = Integration.objects.get().secrets
    Integration.objects.update(secrets=secrets | {"previousSecretUntil": int(timezone.now().timestamp()) - 1})
    assert "The previous one signs too" not in text(browser.get(PAGE))


def test_disconnecting_says_what_is_removed_at_the_service(portal: Portal, alice: User) -> None:
    save_integration(
        alice, "github", {"apiKey": "ghp_0123456789", "organization": "my-org", "repository": "asset-repo"}
    )
    page = text(portal(alice).get("/portal/services/github/disconnect"))
    assert "What was registered at GitHub is removed there, for example a webhook." in page
    connect_webhook(alice)
    assert "is removed there" not in text(portal(alice).get(f"{PAGE}/disconnect"))


def test_a_pause_says_what_waits(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    create_asset(alice, {"name": "Leica M3"})
    Integration.objects.update(status="paused")
    page = text(portal(alice).get(PAGE))
    assert "Nothing is sent. 1 delivery waits. Events of the pause can be sent afterwards." in page
    assert f'href="{PAGE}/send-again"' in page


def test_the_owner_is_told_that_operators_hold_what_is_sent_to_a_service(portal: Portal, alice: User) -> None:
    connect_webhook(alice)
    create_asset(alice, {"name": "Asset"})
    holds.hold("webhook", by=None)
    page = text(portal(alice).get(PAGE))
    assert "What is sent to Custom Webhook is on hold" in page
    assert "the operators of this server hold what is sent to it. 1 delivery waits." in " ".join(page.split())
    assert "Try now" not in page
    holds.release("webhook")
    assert "on hold" not in text(portal(alice).get(PAGE))

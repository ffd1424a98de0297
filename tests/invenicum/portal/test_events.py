"""What became of events, sending them to a service afterwards, and the history of an asset."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from integrations.services import delete_integration, save_integration, set_active
from invenicum.accounts.models import User
from invenicum.assets.services import change_asset, create_asset, delete_asset
from invenicum.events.models import Event
from invenicum.events.publish import Draft, publish_many
from tests.factories import connect_webhook
from webhooks.models import Delivery
from webhooks.services import ping

from .conftest import Portal
from .forms import text

pytestmark = pytest.mark.django_db
EVENTS = "/portal/events"
SLACK = {
    "webhookUrl": "https://hooks.slack.com/services/T00000000/B00000000/" + "X" * 24,
    "channel": "#assets",
    "events": ["asset.deleted"],
}
S3 = {"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secretAccessKey": "a-key", "region": "eu-west-1", "bucket": "my-bucket"}


def page_of(event: Event) -> str:
    return f"{EVENTS}/{event.public_id}"


def send(browser: Client, event: Event, integration_type: str) -> Any:
    token = text(browser.get(EVENTS)).partition('name="token" value="')[2][:64]
    return browser.post(f"{page_of(event)}/send/{integration_type}", {"token": token})


@pytest.fixture
def event(alice: User) -> Event:
    """Sent to the webhook; Slack does not want it, Mixpanel is paused, S3 comes later."""
    connect_webhook(alice)
    save_integration(alice, "slack", SLACK)
    save_integration(alice, "mixpanel", {"projectToken": "0123456789abcdef0123456789abcdef"})
    set_active(alice, "mixpanel", False)
    create_asset(alice, {"name": "Leica M3", "asset_id": "leica"})
    save_integration(alice, "s3", S3)
    return Event.objects.get()


def test_an_event_says_what_became_of_it_everywhere_and_why(portal: Portal, alice: User, event: Event) -> None:
    page = text(portal(alice).get(page_of(event)))
    assert "<h1>Leica M3" in page
    for words in ("on its way", "not subscribed", "was paused", "connected later", "It is being sent."):
        assert words in page
    assert "they are not among those that you chose for it" in page
    assert page.count("Send it there now") == 3
    assert "Try now" in page
    assert "&quot;" not in page.partition("What was published")[2]


def test_an_event_can_be_sent_where_it_was_not_sent(portal: Portal, alice: User, event: Event) -> None:
    browser = portal(alice)
    for integration_type in ("slack", "s3", "mixpanel"):
        done = send(browser, event, integration_type)
        assert done["Location"] == f"{page_of(event)}?done={integration_type}"
    assert "It is sent to Mixpanel now." in text(browser.get(done["Location"]))
    made = Delivery.objects.filter(event=event, backfilled=True).select_related("integration")
    waits = {delivery.integration.type: delivery.due_at is None for delivery in made}
    assert waits == {"mixpanel": True, "s3": False, "slack": False}
    assert send(browser, event, "slack").status_code == 303
    assert Delivery.objects.filter(event=event).count() == 4


def test_one_that_was_delivered_is_sent_again(portal: Portal, alice: User, event: Event) -> None:
    Delivery.objects.update(status="delivered", due_at=None, attempt_count=1, finished_at=timezone.now())
    browser = portal(alice)
    assert "Send again" in text(browser.get(page_of(event)))
    send(browser, event, "webhook")
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempt_count) == ("pending", 0)


def test_an_earlier_state_is_not_brought_back(portal: Portal, alice: User, event: Event) -> None:
    change_asset(alice, "leica", {"name": "Leica M3 (1954)"})
    browser = portal(alice)
    refused = send(browser, event, "s3")
    assert refused.status_code == 409
    assert "would bring an earlier state back" in refused.content.decode()
    assert send(browser, event, "slack").status_code == 303


def test_what_was_made_for_one_service_goes_to_no_other(portal: Portal, alice: User, event: Event) -> None:
    test = ping(alice, "webhook").event
    browser = portal(alice)
    page = text(browser.get(page_of(test)))
    assert "A test goes to one service only." in page
    assert "Send it there now" not in page
    assert send(browser, test, "slack").status_code == 409
    assert send(browser, test, "webhook").status_code == 303


def test_the_list_of_events_tells_what_became_of_each(portal: Portal, alice: User, event: Event) -> None:
    publish_many([Draft(alice, "stock.counted", {"count": number}) for number in range(30)])
    Delivery.objects.update(status="failed", due_at=None)
    browser = portal(alice)
    first = text(browser.get(EVENTS))
    assert first.count('class="what"') == 25
    assert "sent to no service" in first
    older = first.partition('rel="next" href="')[2].partition('"')[0]
    second = text(browser.get(EVENTS + older))
    assert second.count('class="what"') == 6
    assert "1 failed" in second
    newer = second.partition('rel="prev" href="')[2].partition('"')[0]
    assert text(browser.get(EVENTS + newer)).count('class="what"') == 25


def test_events_and_assets_are_found_by_their_id(portal: Portal, alice: User, bob: User, event: Event) -> None:
    browser = portal(alice)
    assert browser.get(EVENTS, {"find": event.public_id})["Location"] == page_of(event)
    assert browser.get(EVENTS, {"find": " leica "})["Location"] == "/portal/assets/leica"
    for wanted in ("<nothing>", "\0", "evt_" + "0" * 32):
        assert "none has this id" in text(browser.get(EVENTS, {"find": wanted}))
    assert "none has this id" in text(portal(bob).get(EVENTS, {"find": event.public_id}))


def test_an_assets_history_shows_what_each_event_changed(portal: Portal, alice: User, event: Event) -> None:
    change_asset(alice, "leica", {"name": "<M3>", "tags": ["sold"]})
    publish_many([Draft(alice, "stock.counted", {"assetId": "leica", "count": 3})])
    browser = portal(alice)
    page = text(browser.get("/portal/assets/leica"))
    assert "<del>Leica M3</del> <ins>&lt;M3&gt;</ins>" in page
    assert "<dt>tags</dt><dd><ins>sold</ins>" in page
    assert "by you" in page
    assert "stock.counted" in page
    assert "How it is" in page
    assert [page.index(word) for word in ("stock.counted", ">Changed<", ">Created<")] == sorted(
        page.index(word) for word in ("stock.counted", ">Changed<", ">Created<")
    )
    delete_asset(alice, "leica")
    gone = text(browser.get("/portal/assets/leica"))
    assert ">deleted<" in gone
    assert ">Deleted<" in gone
    assert "How it is" not in gone


def test_a_long_history_has_pages_whose_last_change_is_known(portal: Portal, alice: User) -> None:
    create_asset(alice, {"name": "v0", "asset_id": "leica"})
    for number in range(1, 25):
        change_asset(alice, "leica", {"name": f"v{number}"})
    browser = portal(alice)
    first = text(browser.get("/portal/assets/leica"))
    assert first.count("<del>") == 20
    assert "<del>v4</del> <ins>v5</ins>" in first
    older = first.partition('rel="next" href="')[2].partition('"')[0]
    second = text(browser.get(f"/portal/assets/leica{older}"))
    assert second.count("<del>") == 4
    newer = second.partition('rel="prev" href="')[2].partition('"')[0]
    assert text(browser.get(f"/portal/assets/leica{newer}")).count("<del>") == 20


def test_ids_of_assets_from_outside_may_have_anything_in_them(portal: Portal, alice: User) -> None:
    publish_many([Draft(alice, "stock.counted", {"assetId": "shelf/1 é?", "count": 3})])
    browser = portal(alice)
    address = browser.get(EVENTS, {"find": "shelf/1 é?"})["Location"]
    assert "shelf/1 é?" in text(browser.get(address))


def test_without_services_an_event_says_so(portal: Portal, alice: User, event: Event) -> None:
    for integration_type in ("webhook", "slack", "mixpanel", "s3"):
        delete_integration(alice, integration_type)
    page = text(portal(alice).get(page_of(event)))
    assert "Custom Webhook" in page
    assert "/send/" not in page
    Delivery.objects.all().delete()
    assert "No service is connected." in text(portal(alice).get(page_of(event)))


def test_other_peoples_events_and_assets_do_not_exist(portal: Portal, alice: User, charlie: User, event: Event) -> None:
    connect_webhook(charlie, "http://127.0.0.1:9/charlie")
    browser = portal(charlie)
    for path in (page_of(event), "/portal/assets/leica", f"{EVENTS}/evt_nonsense", "/portal/assets/%00"):
        assert browser.get(path).status_code == 404
    assert send(browser, event, "webhook").status_code == 404
    assert "Leica" not in text(browser.get(EVENTS))
    assert Delivery.objects.count() == 1


def test_a_session_for_reading_sends_nothing(portal: Portal, alice: User, event: Event) -> None:
    reader = portal(alice, read_only=True)
    assert "/send/" not in text(reader.get(page_of(event)))
    assert send(reader, event, "slack").status_code == 403
    assert portal(alice, "integrations:read").get(EVENTS).status_code == 403
    without_assets = portal(alice, "integrations:read", "deliveries:read")
    assert "How it is" not in text(without_assets.get("/portal/assets/leica"))
    assert Delivery.objects.count() == 1


def test_the_pages_need_few_statements(
    portal: Portal, alice: User, event: Event, django_assert_max_num_queries: Any
) -> None:
    browser = portal(alice)
    for path, most in ((EVENTS, 5), (page_of(event), 7), ("/portal/assets/leica", 6)):
        with django_assert_max_num_queries(most):  # two for the session
            browser.get(path)

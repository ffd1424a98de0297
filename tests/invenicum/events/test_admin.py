import pytest
from django.test import Client

from invenicum.accounts.models import User
from invenicum.events.models import Event
from invenicum.events.publish import publish


@pytest.fixture
def event(alice: User) -> Event:
    return publish(alice, "asset.created", {"assetId": "asset-1", "name": "Photo"})


def test_an_event_is_shown_and_cannot_be_written(admin_client: Client, event: Event) -> None:
    address = f"/admin/events/event/{event.pk}/"
    assert "asset-1" in admin_client.get(f"{address}change/").content.decode()
    assert admin_client.post(f"{address}change/", {"name": "other.name"}).status_code == 403
    assert admin_client.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get("/admin/events/event/add/").status_code == 403


def test_an_event_is_found_by_id_name_and_owner(admin_client: Client, event: Event, bob: User) -> None:
    publish(bob, "github.release", {})
    for term in (event.public_id, "asset.created", "alice"):
        page = admin_client.get("/admin/events/event/", {"q": term}).content.decode()
        assert event.public_id in page
        assert "github.release" not in page


def test_a_user_with_events_can_be_deleted(admin_client: Client, event: Event, alice: User) -> None:
    assert admin_client.post(f"/admin/accounts/user/{alice.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not type(event).objects.exists()

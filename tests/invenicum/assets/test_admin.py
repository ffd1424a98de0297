import json
from typing import Any

import pytest
from django.test import Client

from invenicum.accounts.models import User
from invenicum.assets.models import Asset
from invenicum.events.models import Event


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_superuser("boss")


@pytest.fixture
def browser(boss: User) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def last() -> tuple[str, dict[str, Any]]:
    event = Event.objects.first()
    assert event is not None
    body = json.loads(event.body)
    return body["event"], body["data"]


def form(owner: User, **values: object) -> dict[str, object]:
    return {"owner": owner.pk, "asset_id": "asset-1", "name": "Photo", "category": "", "tags": "", "url": "", **values}


@pytest.fixture
def photo(alice: User) -> Asset:
    return Asset.objects.create(owner=alice, asset_id="asset-1", name="Photo", tags=["draft"])


def test_an_asset_created_in_the_admin_names_its_creator(browser: Client, boss: User, alice: User) -> None:
    assert browser.post("/admin/assets/asset/add/", form(alice, tags="new\n\n red \nnew")).status_code == 302
    name, data = last()
    assert (name, data["createdBy"]) == ("asset.created", boss.public_id)
    assert Asset.objects.get().tags == ["new", "red"]
    assert Event.objects.get().owner == alice


def test_a_change_in_the_admin_publishes_what_changed_and_who_did_it(
    browser: Client, boss: User, alice: User, photo: Asset
) -> None:
    address = f"/admin/assets/asset/{photo.pk}/change/"
    page = browser.get(address).content.decode()
    assert ">\ndraft</textarea>" in page
    assert browser.post(address, form(alice, tags="draft\nfeatured")).status_code == 302
    changes = {"tags": {"added": ["featured"], "removed": []}}
    assert last() == ("asset.updated", {"assetId": "asset-1", "changes": changes, "updatedBy": boss.public_id})


def test_deleting_in_the_admin_publishes_who_did_it(browser: Client, boss: User, photo: Asset) -> None:
    assert browser.post(f"/admin/assets/asset/{photo.pk}/delete/", {"post": "yes"}).status_code == 302
    assert last() == ("asset.deleted", {"assetId": "asset-1", "name": "Photo", "deletedBy": boss.public_id})


def test_the_bulk_action_publishes_each_deletion(
    browser: Client, boss: User, alice: User, bob: User, photo: Asset
) -> None:
    Asset.objects.create(owner=bob, name="Other")
    chosen = list(Asset.objects.values_list("pk", flat=True))
    data = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    assert browser.post("/admin/assets/asset/", data).status_code == 302
    assert not Asset.objects.exists()
    deleted = Event.objects.filter(name="asset.deleted")
    assert {event.owner for event in deleted} == {alice, bob}
    assert {json.loads(event.body)["data"]["deletedBy"] for event in deleted} == {boss.public_id}


@pytest.mark.parametrize("wrong", [{"url": "javascript:alert(1)"}, {"tags": "x" * 101}, {"tags": "a\0b"}, {"name": ""}])
def test_the_form_refuses_what_the_api_refuses(browser: Client, alice: User, wrong: dict[str, Any]) -> None:
    assert browser.post("/admin/assets/asset/add/", form(alice, **wrong)).status_code == 200
    assert not Asset.objects.exists()


def test_assets_are_found_by_name_id_and_owner(browser: Client, photo: Asset) -> None:
    for term in ("Photo", "asset-1", "alice"):
        assert "asset-1" in browser.get("/admin/assets/asset/", {"q": term}).content.decode()
    assert "asset-1" not in browser.get("/admin/assets/asset/", {"q": "charlie"}).content.decode()


def test_a_user_with_assets_can_be_deleted_in_the_admin(browser: Client, alice: User, photo: Asset) -> None:
    assert browser.post(f"/admin/accounts/user/{alice.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Asset.objects.exists()

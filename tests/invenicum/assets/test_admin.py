import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from invenicum.assets.models import Asset
from invenicum.events.models import Event


@pytest.fixture
def boss(db) -> User:
    return User.objects.create_superuser("boss")


@pytest.fixture
def browser(boss) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def last():
    body = json.loads(Event.objects.first().body)
    return body["event"], body["data"]


def form(owner, **values):
    return {"owner": owner.pk, "asset_id": "asset-1", "name": "Photo", "category": "", "tags": "", "url": "", **values}


@pytest.fixture
def photo(alice):
    return Asset.objects.create(owner=alice, asset_id="asset-1", name="Photo", tags=["draft"])


def test_an_asset_made_in_the_admin_names_the_one_who_made_it(browser, boss, alice):
    assert browser.post("/admin/assets/asset/add/", form(alice, tags="new\n\n red \nnew")).status_code == 302
    name, data = last()
    assert (name, data["createdBy"]) == ("asset.created", f"user-{boss.pk}")
    assert Asset.objects.get().tags == ["new", "red"]
    assert Event.objects.get().owner == alice


def test_a_change_in_the_admin_tells_what_changed_and_who_did_it(browser, boss, alice, photo):
    address = f"/admin/assets/asset/{photo.pk}/change/"
    page = browser.get(address).content.decode()
    assert ">\ndraft</textarea>" in page
    assert browser.post(address, form(alice, tags="draft\nfeatured")).status_code == 302
    changes = {"tags": {"added": ["featured"], "removed": []}}
    assert last() == ("asset.updated", {"assetId": "asset-1", "changes": changes, "updatedBy": f"user-{boss.pk}"})


def test_deleting_in_the_admin_tells_who_did_it(browser, boss, photo):
    assert browser.post(f"/admin/assets/asset/{photo.pk}/delete/", {"post": "yes"}).status_code == 302
    assert last() == ("asset.deleted", {"assetId": "asset-1", "name": "Photo", "deletedBy": f"user-{boss.pk}"})


def test_the_bulk_action_deletes_and_tells_each(browser, boss, alice, bob, photo):
    Asset.objects.create(owner=bob, name="Other")
    chosen = list(Asset.objects.values_list("pk", flat=True))
    data = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    assert browser.post("/admin/assets/asset/", data).status_code == 302
    assert not Asset.objects.exists()
    deleted = Event.objects.filter(name="asset.deleted")
    assert {event.owner for event in deleted} == {alice, bob}
    assert {json.loads(event.body)["data"]["deletedBy"] for event in deleted} == {f"user-{boss.pk}"}


@pytest.mark.parametrize("wrong", [{"url": "javascript:alert(1)"}, {"tags": "x" * 101}, {"tags": "a\0b"}, {"name": ""}])
def test_the_form_refuses_what_the_api_refuses(browser, alice, wrong):
    assert browser.post("/admin/assets/asset/add/", form(alice, **wrong)).status_code == 200
    assert not Asset.objects.exists()


def test_assets_are_found_by_name_id_and_owner(browser, photo):
    for term in ("Photo", "asset-1", "alice"):
        assert "asset-1" in browser.get("/admin/assets/asset/", {"q": term}).content.decode()
    assert "asset-1" not in browser.get("/admin/assets/asset/", {"q": "charlie"}).content.decode()


def test_a_user_with_assets_can_be_deleted_in_the_admin(browser, alice, photo):
    assert browser.post(f"/admin/auth/user/{alice.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Asset.objects.exists()

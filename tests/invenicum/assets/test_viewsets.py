import json
from typing import Any

import pytest

from invenicum.accounts.models import User
from invenicum.assets.models import Asset
from invenicum.events.models import Event
from tests.api_client import Api

PHOTO = {
    "assetId": "asset-123",
    "name": "Product Photo.jpg",
    "category": "Images",
    "tags": ["draft"],
    "url": "https://cdn.invenicum.com/assets/asset-123",
}


def published() -> list[dict[str, Any]]:
    return [json.loads(event.body) for event in Event.objects.order_by("pk")]


@pytest.fixture
def photo(api: Api, alice: User) -> dict[str, Any]:
    created: dict[str, Any] = api(alice).post("/assets", PHOTO).json()["data"]
    return created


@pytest.mark.parametrize("base", ["", "/api/v1"])
def test_an_asset_is_created_read_changed_and_deleted_below_both_addresses(api: Api, alice: User, base: str) -> None:
    client = api(alice)
    created = client.post(f"{base}/assets", PHOTO)
    assert created.status_code == 201
    asset = created.json()["data"]
    assert asset == {
        **PHOTO,
        "createdBy": alice.public_id,
        "createdAt": asset["createdAt"],
        "updatedAt": asset["updatedAt"],
    }
    assert client.get(f"{base}/assets/asset-123").json() == {"data": asset}
    changed = client.patch(f"{base}/assets/asset-123", {"name": "Hero Image.jpg", "tags": ["featured"]})
    assert (changed.status_code, changed.json()["data"]["name"]) == (200, "Hero Image.jpg")
    deleted = client.delete(f"{base}/assets/asset-123")
    assert (deleted.status_code, deleted.json()) == (200, {"data": {"assetId": "asset-123"}})
    assert client.get(f"{base}/assets/asset-123").status_code == 404


def test_each_change_is_published_in_the_specs_shape(api: Api, alice: User, photo: dict[str, Any]) -> None:
    client, me = api(alice), alice.public_id
    client.patch("/assets/asset-123", {"name": "Hero Image.jpg", "tags": ["featured"]})
    client.delete("/assets/asset-123")
    events = published()
    assert [list(event) for event in events] == [["event", "timestamp", "data"]] * 3
    assert [(event["event"], event["data"]) for event in events] == [
        (
            "asset.created",
            {
                "assetId": "asset-123",
                "name": "Product Photo.jpg",
                "category": "Images",
                "createdBy": me,
                "url": PHOTO["url"],
            },
        ),
        (
            "asset.updated",
            {
                "assetId": "asset-123",
                "changes": {
                    "name": {"old": "Product Photo.jpg", "new": "Hero Image.jpg"},
                    "tags": {"added": ["featured"], "removed": ["draft"]},
                },
                "updatedBy": me,
            },
        ),
        ("asset.deleted", {"assetId": "asset-123", "name": "Hero Image.jpg", "deletedBy": me}),
    ]


def test_the_published_document_is_what_the_api_shows(api: Api, alice: User, photo: dict[str, Any]) -> None:
    shown = api(alice).patch("/assets/asset-123", {"category": "Heroes"}).json()["data"]
    assert [event.document for event in Event.objects.order_by("pk")] == [photo, shown]


def test_a_change_to_the_same_values_publishes_nothing(api: Api, alice: User, photo: dict[str, Any]) -> None:
    assert api(alice).patch("/assets/asset-123", {"name": PHOTO["name"], "tags": ["draft"]}).status_code == 200
    assert len(published()) == 1


def test_a_change_keeps_the_fields_that_it_does_not_name(api: Api, alice: User, photo: dict[str, Any]) -> None:
    changed = api(alice).patch("/assets/asset-123", {"category": "Heroes"}).json()["data"]
    assert {**changed, "updatedAt": None} == {**photo, "category": "Heroes", "updatedAt": None}


def test_a_name_is_enough_and_an_id_is_generated(api: Api, alice: User) -> None:
    asset = api(alice).post("/assets", {"name": "Photo"}).json()["data"]
    assert asset["assetId"].startswith("asset-")
    assert (asset["category"], asset["tags"], asset["url"]) == ("", [], "")


def test_an_id_that_the_owner_has_already_is_a_conflict(
    api: Api, alice: User, bob: User, photo: dict[str, Any]
) -> None:
    response = api(alice).post("/assets", PHOTO)
    assert (response.status_code, response.json()["error"]) == (409, "INVALID_CONFIG")
    assert list(response.json()["details"]) == ["assetId"]
    assert len(published()) == 1
    assert api(bob).post("/assets", PHOTO).status_code == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " \t\n"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": 7}, "name"),
        ({"name": None}, "name"),
        ({"category": None}, "category"),
        ({"tags": ["a", "a"]}, "tags"),
        ({"tags": "a"}, "tags"),
        ({"tags": [""]}, "tags.0"),
        ({"tags": ["a", 1]}, "tags.1"),
        ({"tags": [str(number) for number in range(101)]}, "tags"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "https://a b"}, "url"),
        ({"url": "https://x\nhttps://y"}, "url"),
        ({"colour": "red"}, "colour"),
        ({"createdBy": "user-1"}, "createdBy"),
        ({"owner": "user-1"}, "owner"),
    ],
)
def test_invalid_input_is_refused_with_the_field_that_is_wrong(
    api: Api, alice: User, photo: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    client = api(alice)
    for response in (
        client.post("/assets", {"name": "Photo", **change}),
        client.patch("/assets/asset-123", change),
    ):
        assert response.status_code == 400
        assert response.json()["error"] == "INVALID_CONFIG"
        assert list(response.json()["details"]) == [field]
    assert len(published()) == 1


@pytest.mark.parametrize("asset_id", ["", ".", "..", "a/b", "a b", "é", "x" * 101, "a\n", 7])
def test_an_invalid_id_is_refused(api: Api, alice: User, asset_id: int | str) -> None:
    response = api(alice).post("/assets", {"name": "Photo", "assetId": asset_id})
    assert (response.status_code, list(response.json()["details"])) == (400, ["assetId"])


def test_an_id_cannot_be_changed(api: Api, alice: User, photo: dict[str, Any]) -> None:
    assert api(alice).patch("/assets/asset-123", {"assetId": "other"}).status_code == 400


def test_a_change_without_fields_is_refused(api: Api, alice: User, photo: dict[str, Any]) -> None:
    assert api(alice).patch("/assets/asset-123", {}).status_code == 400


def test_assets_of_other_users_are_not_found(
    api: Api, alice: User, bob: User, charlie: User, photo: dict[str, Any]
) -> None:
    for other in (bob, charlie):
        client = api(other)
        assert client.get("/assets").json()["data"] == []
        for response in (
            client.get("/assets/asset-123"),
            client.patch("/assets/asset-123", {"name": "Mine"}),
            client.delete("/assets/asset-123"),
        ):
            assert (response.status_code, response.json()["error"]) == (404, "NOT_FOUND")
    assert Asset.objects.get().name == PHOTO["name"]


@pytest.mark.parametrize("asset_id", ["a%00b", "a%0A", "%2e%2e%2f", "x" * 101, "é"])
def test_an_address_with_an_invalid_asset_id_is_not_found(api: Api, alice: User, asset_id: str) -> None:
    assert api(alice).get(f"/assets/{asset_id}").status_code == 404


def test_the_list_shows_each_asset_like_its_own_address(api: Any, alice: User, photo: dict[str, Any]) -> None:
    client = api(alice)
    assert client.get("/assets").json()["data"] == [client.get("/assets/asset-123").json()["data"]] == [photo]

import json
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from invenicum.assets import rules
from invenicum.assets.documents import Snapshot, changed, events_of
from invenicum.events.names import MAX_ASSET_ID
from invenicum.events.publish import MAX_EVENT_BYTES

PHOTO = Snapshot(
    owner_id=7,
    owner="user-456",
    asset_id="asset-123",
    name="Product Photo.jpg",
    category="Images",
    tags=("draft", "summer"),
    url="https://cdn.invenicum.com/assets/asset-123",
    created_by="user-456",
    created_at=datetime(2026, 3, 7, 10, 30, 0, 999_999, tzinfo=UTC),
    updated_at=datetime(2026, 3, 7, 11, tzinfo=UTC),
)


def only(before: Snapshot | None, after: Snapshot | None, actor: str | None = None) -> tuple[str, str]:
    """The one event's name and its data as JSON, in the order of its keys."""
    (item,) = events_of(before, after, actor)
    return item.name, json.dumps(item.data)


def test_a_new_asset_is_the_specs_first_payload() -> None:
    assert only(None, PHOTO) == (
        "asset.created",
        '{"assetId": "asset-123", "name": "Product Photo.jpg", "category": "Images", "createdBy": "user-456", '
        '"url": "https://cdn.invenicum.com/assets/asset-123"}',
    )


def test_a_changed_asset_is_the_specs_second_payload() -> None:
    after = replace(PHOTO, name="Hero Image.jpg", tags=("summer", "featured"))
    assert only(PHOTO, after, "user-789") == (
        "asset.updated",
        '{"assetId": "asset-123", "changes": {"name": {"old": "Product Photo.jpg", "new": "Hero Image.jpg"}, '
        '"tags": {"added": ["featured"], "removed": ["draft"]}}, "updatedBy": "user-789"}',
    )


def test_a_deleted_asset_is_the_specs_third_payload() -> None:
    assert only(PHOTO, None) == (
        "asset.deleted",
        '{"assetId": "asset-123", "name": "Product Photo.jpg", "deletedBy": "user-456"}',
    )


def test_no_event_if_nothing_changed() -> None:
    assert events_of(PHOTO, PHOTO, "user-789") == []
    assert events_of(None, None, "user-789") == []
    assert events_of(PHOTO, replace(PHOTO, updated_at=datetime(2030, 1, 1, tzinfo=UTC)), "user-789") == []
    assert events_of(PHOTO, replace(PHOTO, tags=("summer", "draft")), "user-789") == []


def test_category_and_url_are_reported_like_the_name() -> None:
    assert changed(PHOTO, replace(PHOTO, category="", url="https://x.example/")) == {
        "category": {"old": "Images", "new": ""},
        "url": {"old": PHOTO.url, "new": "https://x.example/"},
    }


def test_an_asset_that_moves_is_deleted_for_one_owner_and_created_for_the_other() -> None:
    moved = replace(PHOTO, owner_id=8, owner="user-8")
    gone, come = events_of(PHOTO, moved, "user-1")
    assert (gone.name, gone.asset, gone.data["deletedBy"]) == ("asset.deleted", PHOTO, "user-1")
    assert (come.name, come.asset, come.data["createdBy"]) == ("asset.created", moved, "user-456")
    assert [item.name for item in events_of(PHOTO, replace(PHOTO, asset_id="b"), None)] == [
        "asset.deleted",
        "asset.created",
    ]


def test_the_document_holds_the_whole_asset() -> None:
    assert json.dumps(PHOTO.document()) == (
        '{"assetId": "asset-123", "name": "Product Photo.jpg", "category": "Images", "tags": ["draft", "summer"], '
        '"url": "https://cdn.invenicum.com/assets/asset-123", "createdBy": "user-456", '
        '"createdAt": "2026-03-07T10:30:00Z", "updatedAt": "2026-03-07T11:00:00Z"}'
    )


tags = st.lists(st.sampled_from("abcdef"), unique=True).map(tuple)


@given(tags, tags)
def test_added_and_removed_lead_from_the_old_tags_to_the_new(old: tuple[str, ...], new: tuple[str, ...]) -> None:
    told = changed(replace(PHOTO, tags=old), replace(PHOTO, tags=new)).get("tags", {"added": [], "removed": []})
    assert set(old) - set(told["removed"]) | set(told["added"]) == set(new)
    assert not set(told["added"]) & set(told["removed"])


def test_the_events_of_the_largest_asset_are_no_larger_than_an_event_can_be() -> None:
    def largest(character: str) -> Snapshot:
        tags = tuple(f"{number:03}{character * (rules.MAX_TAG - 3)}" for number in range(rules.MAX_TAGS))
        return replace(
            PHOTO,
            asset_id="a" * MAX_ASSET_ID,
            name=character * rules.MAX_NAME,
            category=character * rules.MAX_CATEGORY,
            tags=tags,
            url="https://" + "u" * 2000,
        )

    before, after = largest("\x01"), largest("\x02")  # characters that JSON writes with six bytes
    for found in (events_of(None, after, None), events_of(before, after, None), events_of(before, None, None)):
        for event in found:
            assert len(json.dumps(event.data, ensure_ascii=False)) + 1000 < MAX_EVENT_BYTES

"""Every kind of write of an asset publishes its events."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test.utils import CaptureQueriesContext

from invenicum.accounts.models import User
from invenicum.assets.actor import acting_as
from invenicum.assets.models import Asset
from invenicum.events.models import Event

Published = tuple[str, dict[str, Any]]  # name and data of an event


@pytest.fixture
def photo(alice: User) -> Asset:
    return make(alice, tags=["draft"])


def make(owner: User, asset_id: str = "asset-1", **values: Any) -> Asset:
    return Asset.objects.create(owner=owner, asset_id=asset_id, **{"name": "Photo", **values})


def published(since: int = 0) -> list[Published]:
    """The events so far as (name, data), oldest first, without the first `since`."""
    events = Event.objects.order_by("pk")[since:]
    return [(event.name, json.loads(event.body)["data"]) for event in events]


def last() -> Published:
    return published()[-1]


def updated(changes: dict[str, Any], by: User) -> Published:
    return "asset.updated", {"assetId": "asset-1", "changes": changes, "updatedBy": by.public_id}


def test_a_saved_change_is_published_once(photo: Asset, alice: User) -> None:
    photo.name = "Hero"
    photo.save()
    photo.save()
    assert published(1) == [updated({"name": {"old": "Photo", "new": "Hero"}}, alice)]


def test_the_event_carries_the_assets_document(photo: Asset) -> None:
    event = Event.objects.get()
    assert event.document == photo.snapshot().document()
    photo.delete()
    deleted = Event.objects.first()
    assert deleted is not None
    assert deleted.document is not None
    assert deleted.document["name"] == "Photo"


def test_the_actor_is_named_and_the_owner_if_no_actor_is_known(photo: Asset, alice: User, bob: User) -> None:
    with acting_as(bob):
        Asset.objects.update(category="Images")
        make(alice, "asset-2")
    photo.delete()
    told = published(1)
    assert told[0] == updated({"category": {"old": "", "new": "Images"}}, bob)
    assert told[1][1]["createdBy"] == bob.public_id
    assert told[2][1]["deletedBy"] == alice.public_id


def test_a_stale_copy_is_compared_with_the_current_row(photo: Asset, alice: User) -> None:
    stale = Asset.objects.get(pk=photo.pk)
    Asset.objects.filter(pk=photo.pk).update(tags=["final"])
    stale.name = "Hero"
    stale.save()
    assert last() == updated(
        {"name": {"old": "Photo", "new": "Hero"}, "tags": {"added": ["draft"], "removed": ["final"]}}, alice
    )


def test_only_written_fields_are_published(photo: Asset, alice: User) -> None:
    photo.name, photo.category = "Hero", "never written"
    photo.save(update_fields=["name"])
    assert last() == updated({"name": {"old": "Photo", "new": "Hero"}}, alice)


def test_an_expression_is_published_as_its_value(photo: Asset, alice: User) -> None:
    photo.name = Concat(F("name"), Value("!"))
    photo.save()
    assert last() == updated({"name": {"old": "Photo", "new": "Photo!"}}, alice)


def test_a_queryset_update_publishes_each_row_in_a_fixed_number_of_statements(alice: User, bob: User) -> None:
    def statements(count: int) -> int:
        before = Event.objects.count()
        with CaptureQueriesContext(connection) as queries:
            Asset.objects.filter(name="Photo", owner=alice).update(name="Hero")
        assert Event.objects.count() == before + count
        return len(queries)

    make(bob)
    make(alice)
    one = statements(1)
    for number in range(20):
        make(alice, f"more-{number}")
    assert statements(20) == one


def test_a_queryset_update_moves_the_time_of_the_last_change(photo: Asset) -> None:
    before = photo.updated_at
    Asset.objects.update(category="Images")
    photo.refresh_from_db()
    assert photo.updated_at > before


def test_a_queryset_delete_publishes_each_row(alice: User, bob: User) -> None:
    make(alice), make(alice, "asset-2"), make(bob)
    assert alice.assets.all().delete()[0] == 2
    assert sorted(data["assetId"] for name, data in published(3) if name == "asset.deleted") == ["asset-1", "asset-2"]
    assert not hasattr(Asset.objects, "delete")


def test_bulk_create_and_bulk_update_publish_each_row(alice: User) -> None:
    created = Asset.objects.bulk_create([Asset(owner=alice, name=f"Photo {number}") for number in range(3)])
    assert [data["name"] for _, data in published()] == ["Photo 0", "Photo 1", "Photo 2"]
    for asset in created:
        asset.tags = ["new"]
    Asset.objects.bulk_update(created, ["tags"])
    assert [data["changes"] for _, data in published(3)] == [{"tags": {"added": ["new"], "removed": []}}] * 3


@pytest.mark.parametrize("options", [{"ignore_conflicts": True}, {"update_conflicts": True, "update_fields": ["name"]}])
def test_a_bulk_create_that_ignores_or_updates_conflicts_is_refused(alice: User, options: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        Asset.objects.bulk_create([Asset(owner=alice, name="Photo")], **options)


def test_a_rollback_removes_the_event_too(photo: Asset) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make(photo.owner, photo.asset_id)
    with transaction.atomic():
        photo.delete()
        transaction.set_rollback(True)
    assert len(published()) == 1


def test_deleting_an_asset_that_is_already_deleted_publishes_nothing(photo: Asset) -> None:
    Asset.objects.get(pk=photo.pk).delete()
    photo.delete()
    assert [name for name, _ in published()] == ["asset.created", "asset.deleted"]


def test_deleting_a_user_deletes_their_assets_and_events(alice: User, bob: User) -> None:
    with acting_as(alice):
        make(alice)
        kept = make(bob)
    alice.delete()
    assert list(Asset.objects.all()) == [kept]
    kept.refresh_from_db()
    assert kept.snapshot().document()["createdBy"] == bob.public_id
    assert not Event.objects.filter(owner_id=alice.pk).exists()


def test_ids_are_unique_for_one_owner_only_and_generated_if_none_is_given(alice: User, bob: User) -> None:
    make(alice), make(bob)
    assert Asset.objects.create(owner=alice, name="Photo").asset_id.startswith("asset-")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tags", ["a", "a"]),
        ("tags", [""]),
        ("tags", "a"),
        ("tags", [7]),
        ("asset_id", ".."),
        ("asset_id", "a/b"),
        ("url", "javascript:alert(1)"),
        ("url", "https://a b"),
    ],
)
def test_a_form_refuses_what_the_api_refuses(alice: User, field: str, value: list[int] | list[str] | str) -> None:
    with pytest.raises(ValidationError) as refused:
        Asset(owner=alice, **{"name": "Photo", field: value}).full_clean()
    assert list(refused.value.message_dict) == [field]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="threads share no SQLite database in memory")
def test_simultaneous_changes_are_published_as_one_chain(alice: User) -> None:
    photo = make(alice)

    def rename(number: int) -> None:
        try:
            Asset.objects.filter(pk=photo.pk).update(name=f"name {number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(rename, range(8)))
    steps = [data["changes"]["name"] for _, data in published(1)]
    step_from = {step["old"]: step["new"] for step in steps}
    name, seen = "Photo", 0
    while name in step_from:
        name, seen = step_from[name], seen + 1
    photo.refresh_from_db()
    assert (seen, name) == (8, photo.name)

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.core.errors import Rejected
from integrations.families.documents import document_path, encode_document, file_name, updated_document
from tests.flows import CREATED, UPDATED, message

EXISTING = json.dumps({"assetId": "asset-123", "name": "Product Photo.jpg", "tags": ["draft", "photo"]}).encode()


def test_a_document_is_named_after_its_asset_below_the_prefix() -> None:
    assert document_path("assets/", file_name(CREATED)) == "assets/asset-123.json"
    assert document_path("team-a-", file_name(CREATED)) == "team-a-asset-123.json"
    assert document_path("", file_name(CREATED)) == "asset-123.json"
    assert document_path("/a//b/", file_name(CREATED)) == "a/b/asset-123.json"


@pytest.mark.parametrize("asset_id", [None, 7, "", "../../etc/passwd", "a/b", "a b", "é", "x" * 101, "a\n"])
def test_an_id_that_is_no_file_name_never_becomes_a_path(asset_id: Any) -> None:
    with pytest.raises(Rejected):
        file_name(message("asset.created", {"assetId": asset_id}))


def test_the_changes_of_an_outside_event_are_applied_to_the_stored_document() -> None:
    document = updated_document(UPDATED.data, EXISTING)
    assert document == {
        "assetId": "asset-123",
        "name": "Hero Image.jpg",
        "tags": ["photo", "featured"],
        "updatedBy": "user-789",
    }


def test_making_the_changes_twice_changes_nothing() -> None:
    once = encode_document(updated_document(UPDATED.data, EXISTING))
    assert encode_document(updated_document(UPDATED.data, once)) == once


@pytest.mark.parametrize("existing", [None, b"", b"not JSON", b"[1]", b"\xff", b"[" * 60_000])
def test_without_a_stored_document_a_new_one_is_created(existing: bytes | None) -> None:
    document = updated_document(UPDATED.data, existing)
    assert document == {
        "assetId": "asset-123",
        "name": "Hero Image.jpg",
        "tags": ["featured"],
        "updatedBy": "user-789",
    }


@pytest.mark.parametrize(
    "changes", [None, [], "all", {"name": "new"}, {"tags": {"added": "x"}}, {"assetId": {"new": "b"}}]
)
def test_unexpected_changes_are_ignored(changes: dict[str, Any] | None) -> None:
    document = updated_document({"assetId": "asset-123", "changes": changes}, EXISTING)
    assert document == json.loads(EXISTING)


def test_a_field_may_be_set_to_nothing() -> None:
    assert updated_document({"assetId": "a", "changes": {"name": {"old": "x", "new": None}}}, b"{}")["name"] is None


def test_a_document_is_readable_and_its_bytes_are_stable() -> None:
    assert encode_document({"name": "Büro", "tags": []}) == '{\n  "name": "Büro",\n  "tags": []\n}\n'.encode()


JSON_VALUES = st.recursive(
    st.none() | st.integers(-3, 3) | st.sampled_from(["a", "b", ""]),
    lambda children: st.lists(children, max_size=2) | st.dictionaries(st.sampled_from("ab"), children, max_size=2),
    max_leaves=4,
)
ITEMS = st.lists(JSON_VALUES, max_size=6)


@given(ITEMS, ITEMS, ITEMS)
def test_a_list_loses_what_is_removed_and_gains_what_it_lacks(current: Any, added: Any, removed: Any) -> None:
    changes = {"tags": {"added": added, "removed": removed}}
    existing = json.dumps({"tags": current}).encode()
    kept = [item for item in current if item not in removed]
    expected = kept + [item for item in added if item not in kept]
    assert updated_document({"assetId": "a", "changes": changes}, existing)["tags"] == expected


def test_a_list_of_many_thousand_items_is_merged() -> None:
    current, added = [f"old-{number}" for number in range(60_000)], [f"new-{number}" for number in range(60_000)]
    changes = {"tags": {"added": added, "removed": current[::2]}}
    merged = updated_document({"assetId": "a", "changes": changes}, json.dumps({"tags": current}).encode())["tags"]
    assert merged == current[1::2] + added


def test_a_large_or_deep_document_stays_on_one_line() -> None:
    deep: Any = "inner"
    for _ in range(100):
        deep = [deep]
    for value in ("x" * 40_000, deep):
        content = encode_document({"value": value})
        assert content.count(b"\n") == 1
        assert json.loads(content) == {"value": value}


@pytest.mark.parametrize(
    "changes", [{"tags": {"added": [[]] * 6000}}, {f"field-{number}": {"new": 1} for number in range(2000)}]
)
def test_an_event_that_changes_too_much_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Rejected, match="more than"):
        updated_document({"assetId": "a", "changes": changes}, None)


@pytest.mark.parametrize("existing", [b'{"a":' * 400 + b"1" + b"}" * 400, b'{"price": NaN}', b'{"price": 1e400}'])
def test_a_document_that_cannot_be_written_again_is_replaced(existing: bytes) -> None:
    document = updated_document({"assetId": "a", "changes": {"name": {"new": "b"}}}, existing)
    assert encode_document(document)
    assert document == {"assetId": "a", "name": "b"}

"""What differs between two states of a document."""

from invenicum.portal.document_changes import Change, differences, told

BEFORE = {"assetId": "a", "name": "Leica M3", "category": "Images", "tags": ["draft", "old"], "updatedAt": "1"}


def test_only_what_differs_is_told() -> None:
    after = BEFORE | {"name": "Leica M3 (1954)", "tags": ["sold", "draft"], "updatedAt": "2"}
    assert differences(BEFORE, after) == [
        Change("name", "Leica M3", "Leica M3 (1954)"),
        Change("tags", added=["sold"], removed=["old"]),
    ]
    assert differences(BEFORE, BEFORE | {"updatedAt": "2"}) == []


def test_fields_that_come_and_go_and_other_values() -> None:
    assert differences({"a": 1, "b": {"c": None}}, {"b": {"c": True}, "d": ["x", 2]}) == [
        Change("b", '{"c": null}', '{"c": true}'),
        Change("d", "", "x, 2"),
        Change("a", "1", ""),
    ]
    assert differences({"tags": ["a", "b"]}, {"tags": ["b", "a"]}) == [Change("tags", "a, b", "b, a")]
    assert differences({"name": ""}, {"name": "x" * 400})[0].new == "x" * 300 + "…"


def test_without_an_earlier_document_the_event_says_what_changed() -> None:
    changes = {"name": {"old": "a", "new": None}, "tags": {"added": ["x"], "removed": "odd"}, "odd": 1}
    assert told(changes) == [Change("name", "a", ""), Change("tags", added=["x"])]
    assert told("odd") == told(None) == []

from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.exceptions import ValidationError

from invenicum.api.errors import exception_handler
from invenicum.api.serializers import (
    BooleanField,
    ChoiceField,
    ListField,
    ObjectField,
    StrictSerializer,
    TextField,
    TimestampField,
    answer_of,
)


class ThingSerializer(StrictSerializer):
    full_name = TextField(pattern="^[a-z]+$", max_length=5, says="must be 1 to 5 small letters")
    items = ListField(child=TextField(), max_length=2, required=False)
    more = ObjectField(required=False)
    is_new = BooleanField(required=False, allow_null=True)
    kind = ChoiceField(("big", "small"), required=False)
    since = TimestampField(required=False)
    made_by = TextField(read_only=True)


class ThingsSerializer(StrictSerializer):
    things = ListField(child=ThingSerializer(), min_length=1)


def details(serializer: StrictSerializer) -> Any:
    """What the API's answer says of each field."""
    with pytest.raises(ValidationError) as caught:
        serializer.is_valid(raise_exception=True)
    answer = exception_handler(caught.value, {})
    assert answer.status_code == 400
    return answer.data["details"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"fullName": "A"}, {"fullName": ["must be 1 to 5 small letters"]}),
        ({"fullName": "toolong"}, {"fullName": ["must be 1 to 5 small letters"]}),
        ({"fullName": "abc\n"}, {"fullName": ["must be 1 to 5 small letters"]}),
        ({"fullName": None}, {"fullName": ["must be 1 to 5 small letters"]}),
        ({"full_name": "a"}, {"fullName": ["this field is required"], "full_name": ["unknown field"]}),
        ({"fullName": "a", "items": ["a", "b", "c"]}, {"items": ["must have at most 2 items"]}),
        ({"fullName": "a", "items": "b"}, {"items": ["must be a list"]}),
        ({"fullName": "a", "items": None}, {"items": ["must be a list"]}),
        ({"fullName": "a", "items": ["a", 5]}, {"items.1": ["must be a string"]}),
        ({"fullName": "a", "more": []}, {"more": ["must be an object"]}),
        ({"fullName": "a", "isNew": 1}, {"isNew": ["must be a boolean"]}),
        ({"fullName": "a", "isNew": "true"}, {"isNew": ["must be a boolean"]}),
        ({"fullName": "a", "kind": "other"}, {"kind": ["must be 'big' or 'small'"]}),
        ({"fullName": "a", "since": "today"}, {"since": [TimestampField.says]}),
        ({"fullName": "a", "madeBy": "me"}, {"madeBy": ["unknown field"]}),
        ([], {"body": ["must be a JSON object"]}),
        (None, {"body": ["must be a JSON object"]}),
    ],
)
def test_what_is_wrong_is_told_at_its_field(body: Any, expected: dict[str, list[str]]) -> None:
    assert details(ThingSerializer(data=body)) == expected


@pytest.mark.parametrize(
    ("things", "expected"),
    [
        ([], {"things": ["must have at least 1 item"]}),
        ([{"fullName": "a"}, {}], {"things.1.fullName": ["this field is required"]}),
        ([{"fullName": "a"}, 5], {"things.1": ["must be a JSON object"]}),
        ([{"fullName": "a", "x": 1}], {"things.0.x": ["unknown field"]}),
    ],
)
def test_what_is_wrong_inside_a_list_is_told_with_its_place(things: Any, expected: dict[str, list[str]]) -> None:
    assert details(ThingsSerializer(data={"things": things})) == expected


def test_only_what_was_given_is_read_by_attribute_names() -> None:
    serializer = ThingSerializer(data={"fullName": "a", "isNew": None, "since": "2026-03-07T11:30:00+01:00"})
    assert serializer.is_valid()
    moment = datetime(2026, 3, 7, 10, 30, tzinfo=UTC)
    assert serializer.validated_data == {"full_name": "a", "is_new": None, "since": moment}


def test_names_in_an_answer_are_in_camel_case_and_in_the_order_of_their_declaration() -> None:
    moment = datetime(2026, 3, 7, 10, 30, tzinfo=UTC)
    thing = {"full_name": "a", "items": [], "more": {}, "is_new": True, "kind": "big", "since": moment, "made_by": "me"}
    written = answer_of(ThingSerializer)({"data": thing}).data["data"]
    assert list(written) == ["fullName", "items", "more", "isNew", "kind", "since", "madeBy"]
    assert (written["since"], written["madeBy"]) == ("2026-03-07T10:30:00Z", "me")

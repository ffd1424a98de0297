from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.exceptions import ValidationError
from rest_framework.serializers import SerializerMethodField

from invenicum.api.envelopes import answer_of, done_of
from invenicum.api.errors import exception_handler
from invenicum.api.serializers import (
    BooleanField,
    ChoiceField,
    ConstantField,
    ListField,
    ObjectField,
    StrictSerializer,
    TextField,
    TimestampField,
)


class ThingSerializer(StrictSerializer):
    full_name = TextField(pattern="^[a-z]+$", max_length=5, says="must be 1 to 5 lower-case letters")
    items = ListField(child=TextField(), max_length=2, required=False)
    more = ObjectField(required=False)
    is_new = BooleanField(required=False, allow_null=True)
    kind = ChoiceField(("big", "small"), required=False)
    since = TimestampField(required=False)
    made_by = TextField(read_only=True)


class ThingsSerializer(StrictSerializer):
    things = ListField(child=ThingSerializer(), min_length=1)


def details(serializer: StrictSerializer) -> Any:
    """The `details` of the API's answer, by field."""
    with pytest.raises(ValidationError) as caught:
        serializer.is_valid(raise_exception=True)
    answer = exception_handler(caught.value, {})
    assert answer.status_code == 400
    return answer.data["details"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"fullName": "A"}, {"fullName": ["must be 1 to 5 lower-case letters"]}),
        ({"fullName": "toolong"}, {"fullName": ["must be 1 to 5 lower-case letters"]}),
        ({"fullName": "abc\n"}, {"fullName": ["must be 1 to 5 lower-case letters"]}),
        ({"fullName": None}, {"fullName": ["must be 1 to 5 lower-case letters"]}),
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
def test_each_error_is_reported_at_its_field(body: Any, expected: dict[str, list[str]]) -> None:
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
def test_an_error_inside_a_list_is_reported_with_its_index(things: Any, expected: dict[str, list[str]]) -> None:
    assert details(ThingsSerializer(data={"things": things})) == expected


def test_only_given_fields_are_read_by_attribute_name() -> None:
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


class TolerantSerializer(StrictSerializer):
    ignores_unknown_fields = True

    is_new = BooleanField()


def test_a_serializer_can_ignore_unknown_fields_while_types_stay_strict() -> None:
    serializer = TolerantSerializer(data={"isNew": True, "id": 5, "is_new": False})
    assert serializer.is_valid()
    assert serializer.validated_data == {"is_new": True}
    assert details(TolerantSerializer(data={"isNew": 1, "id": 5})) == {"isNew": ["must be a boolean"]}


class ResultSerializer(StrictSerializer):
    optional_in_answers = frozenset({"madeSecret"})

    made_secret = TextField()
    why_not = TextField(blank_as_null=True)
    full_name = SerializerMethodField()

    def get_full_name(self, result: dict[str, Any]) -> str:
        return "computed"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"made_secret": None, "why_not": ""}, {"whyNot": None, "fullName": "computed"}),
        ({"made_secret": "s", "why_not": "no"}, {"madeSecret": "s", "whyNot": "no", "fullName": "computed"}),
    ],
)
def test_an_answer_leaves_out_optional_fields_without_a_value(result: dict[str, Any], expected: dict[str, Any]) -> None:
    assert ResultSerializer(result).data == expected


def test_an_action_says_what_it_did_in_one_envelope() -> None:
    written = done_of(ResultSerializer)({"message": "Done.", "data": {"made_secret": None, "why_not": "no"}}).data
    assert list(written.items())[:2] == [("success", True), ("message", "Done.")]
    assert written["data"] == {"whyNot": "no", "fullName": "computed"}


class FixedSerializer(StrictSerializer):
    type = ConstantField("slack")
    success = ConstantField(True)


def test_a_constant_is_always_written_and_only_its_value_is_accepted() -> None:
    assert FixedSerializer({"type": "other"}).data == {"type": "slack", "success": True}
    assert FixedSerializer(data={"type": "slack", "success": True}).is_valid()
    wrong = {"type": ['must be "slack"'], "success": ["must be true"]}
    assert details(FixedSerializer(data={"type": "discord", "success": 1})) == wrong

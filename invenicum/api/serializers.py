"""The strict base of every serializer, and its fields.

JSON names are camelCase, attributes snake_case. What a caller sends is refused if it has unknown fields or types that
only resemble the right ones (`"5"` for a number, `1` for true). A serializer describes what it reads and writes once:
it validates, renders, and is what the OpenAPI document shows.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, cast

from pydantic.alias_generators import to_camel
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from invenicum.timestamps import format_timestamp, parse_timestamp

from .errors import WHOLE_BODY

REQUIRED = "this field is required"
UNKNOWN = "unknown field"


class StrictSerializer(serializers.Serializer[Any]):
    """Base of every serializer of this API.

    A field is declared by its attribute's name (`asset_id`) and appears as `assetId`. `validated_data` has attribute
    names and holds only what was given, unless a field declares a default.
    """

    default_error_messages = {"invalid": "must be a JSON object", "required": REQUIRED}
    # Names in JSON that an answer leaves out if they are None. Everything else that is declared is always there.
    optional_in_answers: frozenset[str] = frozenset()
    # Whether names that are not declared are ignored instead of refused, for callers that send a whole model of theirs.
    ignores_unknown_fields = False
    # JSON Schema keywords for a rule about several fields: the OpenAPI document adds them to the request's schema.
    request_schema: Mapping[str, Any] = {}

    def get_fields(self) -> dict[str, Any]:
        named = {}
        for name, field in super().get_fields().items():
            alias = to_camel(name)
            if field.source is None and alias != name:
                field.source = name
            if isinstance(field, serializers.SerializerMethodField) and not field.method_name:
                field.method_name = f"get_{name}"
            named[alias] = field
        return named

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data is None and not self.allow_null:
            raise ValidationError({WHOLE_BODY: [self.error_messages["invalid"]]})
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValidationError({WHOLE_BODY: [self.error_messages["invalid"]]})
        writable = {name for name, field in self.fields.items() if not field.read_only}
        unknown = {name: [UNKNOWN] for name in data if name not in writable and not self.ignores_unknown_fields}
        try:
            values = super().to_internal_value(data)
        except ValidationError as error:
            raise ValidationError({**cast(dict[str, Any], error.detail), **unknown}) from None
        if unknown:
            raise ValidationError(unknown)
        return values

    def to_representation(self, instance: Any) -> dict[str, Any]:
        written = super().to_representation(instance)
        for name in self.optional_in_answers:
            if written[name] is None:
                del written[name]
        return written


class StrictField(serializers.Field[Any, Any, Any, Any]):
    """Base of the fields below. `says` is the error for a value of the wrong type or form, null included.

    `blank_as_null`: an empty text is written as null; for columns that are blank if there is nothing to say.
    """

    says: str
    # The name under which the OpenAPI document lists the field's schema among its components; None to repeat it inline.
    component_name: str | None = None
    default_error_messages = {"required": REQUIRED}

    def __init__(self, *, says: str | None = None, blank_as_null: bool = False, **options: Any):
        super().__init__(**({"allow_null": True} | options if blank_as_null else options))
        self.blank_as_null = blank_as_null
        sentence = says or self.says
        self.error_messages = {**self.error_messages, "invalid": sentence, "null": sentence}

    def to_representation(self, value: Any) -> Any:
        return None if self.blank_as_null and value == "" else value

    def json_schema(self) -> dict[str, Any]:
        """The field's values in JSON Schema 2020-12, for the OpenAPI document."""
        raise NotImplementedError


class TextField(StrictField):
    """A text.

    `pattern`: a regular expression that the whole text must match, anchored with `^` and `$` for readers of the OpenAPI
    document. `min_length`, `max_length`: in characters. `says`: the error for a text that breaks these rules.
    """

    says = "must be a string"

    def __init__(
        self,
        *,
        pattern: str | None = None,
        min_length: int | None = None,
        max_length: int | None = None,
        **options: Any,
    ):
        super().__init__(**options)
        self.pattern, self.min_length, self.max_length = pattern, min_length, max_length

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not self._has_right_form(data):
            self.fail("invalid")
        return data

    def _has_right_form(self, text: str) -> bool:
        if len(text) < (self.min_length or 0) or (self.max_length is not None and len(text) > self.max_length):
            return False
        return self.pattern is None or re.fullmatch(self.pattern, text) is not None

    def json_schema(self) -> dict[str, Any]:
        rules = {"pattern": self.pattern, "minLength": self.min_length, "maxLength": self.max_length}
        return {"type": "string"} | {name: rule for name, rule in rules.items() if rule is not None}


class ChoiceField(StrictField):
    """One of a few texts. `component_name`: the name of the type in clients that are made from the OpenAPI document."""

    def __init__(self, choices: tuple[str, ...], *, component_name: str | None = None, **options: Any):
        quoted = [f"'{choice}'" for choice in choices]
        self.says = f"must be {', '.join(quoted[:-1])} or {quoted[-1]}" if len(quoted) > 1 else f"must be {quoted[0]}"
        super().__init__(**options)
        self.choices = choices
        self.component_name = component_name

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid")
        return data

    def json_schema(self) -> dict[str, Any]:
        with_null = self.allow_null and self.component_name is None
        return {"type": "string", "enum": [*self.choices, *([None] if with_null else [])]}


class BooleanField(StrictField):
    """True or false; other values that resemble them are refused."""

    says = "must be a boolean"

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data

    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class ConstantField(StrictField):
    """Always `value`, a text or a boolean, in requests and in answers, whatever is answered."""

    def __init__(self, value: str | bool, **options: Any):
        self.says = f"must be {json.dumps(value)}"
        super().__init__(**options)
        self.value = value

    def to_internal_value(self, data: Any) -> str | bool:
        if type(data) is not type(self.value) or data != self.value:
            self.fail("invalid")
        return self.value

    def get_attribute(self, instance: Any) -> str | bool:
        return self.value

    def to_representation(self, value: Any) -> str | bool:
        return self.value

    def json_schema(self) -> dict[str, Any]:
        # A boolean constant is left out: many client generators do not support one.
        return {"type": "boolean"} if isinstance(self.value, bool) else {"type": "string", "const": self.value}


class IntegerField(StrictField):
    """A whole number, from `minimum` to `maximum` if they are given."""

    def __init__(self, *, minimum: int | None = None, maximum: int | None = None, **options: Any):
        bounded = minimum is not None and maximum is not None
        self.says = f"must be an integer from {minimum} to {maximum}" if bounded else "must be an integer"
        super().__init__(**options)
        self.minimum, self.maximum = minimum, maximum

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        if (self.minimum is not None and data < self.minimum) or (self.maximum is not None and data > self.maximum):
            self.fail("invalid")
        return data

    def json_schema(self) -> dict[str, Any]:
        rules = {"minimum": self.minimum, "maximum": self.maximum}
        return {"type": "integer"} | {name: rule for name, rule in rules.items() if rule is not None}


class ObjectField(StrictField):
    """A JSON object of any content. `values`: the JSON Schema of each value, for the OpenAPI document."""

    says = "must be an object"

    def __init__(self, *, values: Mapping[str, Any] | None = None, **options: Any):
        super().__init__(**options)
        self.values = dict(values or {})

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("invalid")
        return data

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.values}


class TimestampField(StrictField):
    """A time: RFC 3339 in requests, `2026-03-07T10:30:00Z` in answers. Aware datetimes inside."""

    says = "must be an RFC 3339 time, for example 2026-03-07T10:30:00Z"

    def to_internal_value(self, data: Any) -> datetime:
        try:
            return parse_timestamp(data)
        except ValueError:
            self.fail("invalid")

    def to_representation(self, value: datetime) -> str:
        return format_timestamp(value)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}


class ListField(serializers.ListField):
    """A list of values that `child` describes, of `min_length` to `max_length` items.

    `problem`: given the whole list of valid items, returns what is wrong with it as the end of a sentence, or None.
    `keywords`: such a rule as JSON Schema, for the OpenAPI document, as `{"uniqueItems": True}`.
    """

    default_error_messages = {"required": REQUIRED, "not_a_list": "must be a list", "null": "must be a list"}

    def __init__(
        self,
        *,
        min_length: int | None = None,
        max_length: int | None = None,
        problem: Callable[[list[Any]], str | None] | None = None,
        keywords: Mapping[str, Any] | None = None,
        **options: Any,
    ):
        super().__init__(**options)
        self.keywords = dict(keywords or {})
        # Not given to Django REST framework, which checks the length only after validating each item.
        self.min_items, self.max_items, self.problem = min_length, max_length, problem

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("not_a_list")
        if self.max_items is not None and len(data) > self.max_items:
            raise ValidationError([f"must have at most {self.max_items} items"])
        if self.min_items is not None and len(data) < self.min_items:
            raise ValidationError([f"must have at least {self.min_items} item{'' if self.min_items == 1 else 's'}"])
        values: list[Any] = self.run_child_validation(data)
        problem = self.problem(values) if self.problem else None
        if problem:
            raise ValidationError([problem])
        return values


@cache
def shared(serializer: type[StrictSerializer]) -> StrictSerializer:
    """The process's instance of a serializer, for reading by `run_validation` and writing by `to_representation`.

    Both leave it as it is, so that threads can share it. Making a serializer copies each of its fields, which takes
    several times as long as using it. A serializer that needs the request in its `context` cannot be shared.
    """
    return serializer()

"""What the fields of a configuration declare in `Annotated`: their form, and what changing them means. Pure."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, SecretStr
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from invenicum.events.names import PATTERN

# Longer texts are refused before a pattern is tried: some patterns take time that grows with the square of the length.
MAX_MATCHED_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True)
class Matches:
    """The whole text must match `pattern`. If not, the error says `must be {says}, for example {example}`.

    `says` describes the value without a verb, e.g. "the name of a branch"; `example` is a value that matches. All
    three appear in the field's JSON Schema.
    """

    pattern: str
    says: str
    example: str

    def accepts(self, text: str) -> bool:
        """Whether `text` is acceptable."""
        return len(text) <= MAX_MATCHED_CHARACTERS and re.fullmatch(self.pattern, text) is not None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = {"description": _capitalized(self.says), "pattern": self.pattern, "examples": [self.example]}
        return handler(schema) | described

    def _check(self, value: Any) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not self.accepts(text):
            words = {"says": self.says, "example": self.example}
            raise PydanticCustomError("pattern", "must be {says}, for example {example}", words)
        return value


@dataclass(frozen=True, slots=True)
class OneOf:
    """The text must be one of `values`: for lists that are too long for a `Literal`. `says` is as in Matches."""

    values: tuple[str, ...]
    says: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"description": _capitalized(self.says), "enum": list(self.values)}

    def _check(self, value: str) -> str:
        if value not in self.values:
            words = {"says": self.says, "example": self.values[0]}
            raise PydanticCustomError("one_of", "must be {says}, for example {example}", words)
        return value


class SentTo:
    """Marks a secret that is sent, and says where. Every secret is marked with this or with NeverSent.

    `fields` are the names in Python of the fields that decide where it goes, e.g. `"base_url"`: if one of them changes,
    the stored secret is not kept and must be given again. Without any, it goes to the provider's own address only.
    `only_with` is one of them without which the secret is not sent at all, so that it is kept as long as it is blank.
    """

    def __init__(self, *fields: str, only_with: str = ""):
        self.fields, self.only_with = fields, only_with


class NeverSent:
    """Marks a secret that only signs or verifies and never leaves: it is kept whatever changes, except for `kind_in`.

    That is the name in Python of a field that says which kind of secret it is, if one does: when it changes and no
    other secret is given, the stored one is dropped, and the connector makes a new one.
    """

    def __init__(self, *, kind_in: str = ""):
        self.kind_in = kind_in


class OAuthReplaces:
    """Marks a secret that is required unless the integration was connected by OAuth."""


class Internal:
    """Marks a field that the service sets itself: users cannot set it and no schema shows it."""


EventPattern = Annotated[
    str, Matches(rf"^{PATTERN.pattern}$", "the name of an event, or of a family as in asset.*", "asset.created")
]
AssetEvents = Annotated[list[EventPattern], Field(min_length=1, max_length=50)]


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]

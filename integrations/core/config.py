"""How a connector declares its configuration: one pydantic model from which everything else follows.

A field typed `SecretStr` (or `dict[str, SecretStr]`, whose names are shown and values are not) is a
secret. Markers in `Annotated` say the rest: `Matches`, `Destination`, `NeverSent`, `OAuthReplaces`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SecretStr,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from invenicum.events.names import PATTERN

from .errors import InvalidConfig

REQUIRED = "this field is required"
MAX_TEXT = 10_000  # characters that a pattern is tried on: some take a time that grows with the square of their number


@dataclass(frozen=True, slots=True)
class Matches:
    """The whole text must match `pattern`; else the user is told it `must be {says}`, with the example."""

    pattern: str
    says: str
    example: str

    def accepts(self, text: str) -> bool:
        return len(text) <= MAX_TEXT and re.fullmatch(self.pattern, text) is not None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = {"description": _sentence(self.says), "pattern": self.pattern, "examples": [self.example]}
        return handler(schema) | described

    def _check(self, value: Any) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not self.accepts(text):
            raise PydanticCustomError("pattern", "must be {says}, for example {example}", self._words())
        return value

    def _words(self) -> dict[str, Any]:
        return {"says": self.says, "example": self.example}


@dataclass(frozen=True, slots=True)
class OneOf:
    """The text must be one of `values`, of which there are too many for a `Literal` that a type checker reads."""

    values: tuple[str, ...]
    says: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"description": _sentence(self.says), "enum": list(self.values)}

    def _check(self, value: str) -> str:
        if value not in self.values:
            words = {"says": self.says, "example": self.values[0]}
            raise PydanticCustomError("one_of", "must be {says}, for example {example}", words)
        return value


class Destination:
    """Marks a field that decides where the secrets are sent: when it changes, they must be given again."""


class NeverSent:
    """Marks a secret that only signs or verifies: it is kept when the destination changes."""


class OAuthReplaces:
    """Marks an optional secret that is required after all, unless the integration was connected by OAuth."""


class Internal:
    """Marks a field that the service fills in itself: no user can set it and no schema shows it."""


EventPattern = Annotated[
    str, Matches(rf"^{PATTERN.pattern}$", "the name of an event, or of a family as in asset.*", "asset.created")
]
AssetEvents = Annotated[list[EventPattern], Field(min_length=1, max_length=50)]


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """What the rest of the service needs to know about one field. `alias` is its name in JSON."""

    name: str
    alias: str
    required: bool
    secret: bool
    mapping: bool
    destination: bool
    never_sent: bool
    oauth_replaces: bool
    internal: bool
    accepts_blank: bool


class ConnectorConfig(BaseModel):
    """Base of every connector's `Config`. JSON names are camelCase; unknown fields are errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        field_title_generator=lambda name, info: name.replace("_", " ").capitalize(),
        hide_input_in_errors=True,
        str_strip_whitespace=True,
    )

    # How the engine sends to this integration, whatever its type.
    ordered: bool = Field(
        default=False, description="Send the events of one asset in the order in which they were published."
    )
    rate_limit: Annotated[float, Field(ge=0.01, le=1000)] | None = Field(
        default=None, description="At most so many deliveries per second."
    )
    access_token: Annotated[SecretStr | None, Internal()] = None  # from the OAuth grant, where there is one

    @classmethod
    @cache
    def facts(cls) -> tuple[FieldFacts, ...]:
        """The declared fields in their order, then those that all types have."""
        own = [name for name in cls.model_fields if name not in ConnectorConfig.model_fields]
        return tuple(_facts(name, cls.model_fields[name]) for name in dict.fromkeys([*own, *cls.model_fields]))

    @classmethod
    def parse(cls, values: Mapping[str, Any], *, connected: bool = False) -> "ConnectorConfig":
        """The configuration that a user submitted, as JSON names and values.

        Null counts as absent, and so does blank text unless the field accepts it. `connected` says that an OAuth grant
        stands in for the secrets it replaces. Raises InvalidConfig with `details` by JSON name.
        """
        facts = {fact.alias: fact for fact in cls.facts()}
        cleaned = {}
        details: dict[str, list[str]] = {}
        for alias, value in values.items():
            fact = facts.get(alias)
            if fact is None or fact.internal:
                details[alias] = ["unknown field"]
            elif value is None or (value == "" and not fact.accepts_blank):
                continue
            else:
                cleaned[alias] = value
        for fact in facts.values():
            if fact.oauth_replaces and not connected and fact.alias not in cleaned:
                details[fact.alias] = [REQUIRED]
        config = None
        try:
            config = cls.model_validate(cleaned)
        except ValidationError as error:
            for alias, messages in cls._messages(error).items():
                details.setdefault(alias, []).extend(messages)
        if details or config is None:
            raise InvalidConfig(_summary(details), details)
        return config

    @classmethod
    def load(cls, public: Mapping[str, Any], secrets: Mapping[str, Any]) -> "ConnectorConfig":
        """The configuration as stored: `public` and `secrets` by JSON name. Raises InvalidConfig."""
        try:
            return cls.model_validate({**public, **secrets})
        except ValidationError as error:
            details = cls._messages(error)
            raise InvalidConfig(_summary(details), details) from None

    @classmethod
    def _messages(cls, error: ValidationError) -> dict[str, list[str]]:
        aliases = {fact.name: fact.alias for fact in cls.facts()}  # a default that fails is reported by name
        found: dict[str, list[str]] = {}
        for item in error.errors(include_url=False, include_input=False, include_context=False):
            name = str(item["loc"][0]) if item["loc"] else "config"
            where = ".".join(str(part) for part in item["loc"][1:] if not str(part).startswith(("function-", "[key]")))
            text = REQUIRED if item["type"] == "missing" else _said_of_the_field(item["msg"])
            found.setdefault(aliases.get(name, name), []).append(f"{where}: {text}" if where else text)
        return found

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema of what a user submits. Secrets are `writeOnly`."""
        schema = cls.model_json_schema(by_alias=True)
        shown = [fact for fact in cls.facts() if not fact.internal]
        fields = schema["properties"]
        schema["properties"] = {fact.alias: _flat(fields[fact.alias], required=fact.required) for fact in shown}
        schema["required"] = [fact.alias for fact in cls.facts() if fact.required]
        return schema

    def public(self) -> dict[str, Any]:
        """What was given, by JSON name, without secrets; the names of a secret mapping have blank values."""
        secret = {fact.name for fact in self.facts() if fact.secret or fact.internal}
        public = self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True, exclude=secret)
        for fact in self.facts():
            if fact.mapping and fact.secret and fact.name in self.model_fields_set:
                public[fact.alias] = dict.fromkeys(getattr(self, fact.name), "")
        return public

    def secrets(self) -> dict[str, Any]:
        """The secrets that were given, by JSON name, in clear."""
        found: dict[str, Any] = {}
        for fact in self.facts():
            value = getattr(self, fact.name)
            if not fact.secret or fact.internal or not value:
                continue
            found[fact.alias] = _reveal(value)
        return found


def _reveal(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return {name: item.get_secret_value() for name, item in value.items()}


def _facts(name: str, info: Any) -> FieldFacts:
    metadata = [*info.metadata, *_nested(info.annotation)]
    has = {marker: any(isinstance(item, marker) for item in metadata) for marker in _MARKERS}
    types = _types(info.annotation)
    patterns = [item for item in metadata if isinstance(item, Matches)]
    return FieldFacts(
        name=name,
        alias=info.alias or to_camel(name),
        required=info.is_required() or has[OAuthReplaces],
        secret=SecretStr in types,
        mapping=dict in types,
        destination=has[Destination],
        never_sent=has[NeverSent],
        oauth_replaces=has[OAuthReplaces],
        internal=has[Internal],
        accepts_blank=bool(patterns) and all(pattern.accepts("") for pattern in patterns),
    )


_MARKERS = (Destination, NeverSent, OAuthReplaces, Internal)


def _nested(annotation: Any) -> list[Any]:
    """The metadata of Annotated types inside a union such as `Url | None`."""
    found: list[Any] = []
    for part in get_args(annotation):
        if get_origin(part) is Annotated:
            found.extend(part.__metadata__)
    return found


def _flat(schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    """The schema of a field that may be null as one type, because a form shows `anyOf` as a choice to make."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) != 1:
        return schema
    flat = {**choices[0], **{key: value for key, value in schema.items() if key not in ("anyOf", "default")}}
    if required:  # of whoever is not connected with OAuth
        return flat
    with_null = {"type": [flat["type"], "null"], **({"enum": [*flat["enum"], None]} if "enum" in flat else {})}
    return flat | with_null


def _types(annotation: Any) -> set[Any]:
    """Every plain type that an annotation mentions."""
    origin = get_origin(annotation)
    parts = get_args(annotation)
    if origin is Annotated:
        return _types(parts[0])
    found = {origin or annotation}
    for part in parts:
        found |= _types(part)
    return found


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _said_of_the_field(message: str) -> str:
    """Pydantic's words for a type or a limit as the end of a sentence that begins with the field's name."""
    if message.startswith("Value should have"):  # so it calls a text whose length is looked at last
        message = re.sub(r" items?\b", " characters", message)
    message = re.sub(r"^(?:Input|Value|List|Dictionary|String) should (?:(be a )valid )?", r"must \1", message)
    message = re.sub(r" after validation, not (?:\d+|more)$|, unable to .*$|, got .*$", "", message)
    return message.replace("be a dictionary", "be an object")


def _summary(details: Mapping[str, list[str]]) -> str:
    field, messages = next(iter(details.items()), ("config", ["is not valid"]))
    return f"The configuration is not valid: {field}: {messages[0]}."

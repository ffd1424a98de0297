"""The base of every connector's configuration: one pydantic model from which everything else follows. Pure.

A field of type `SecretStr`, or `dict[str, SecretStr]` (whose names are shown and whose values are not), is a secret.
What else a field means is declared with the markers of `integrations.core.markers`; a secret must say where it is sent.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

from .client_credentials import HeldToken
from .config_fields import FieldFacts, facts_of, flat_schema
from .config_messages import REQUIRED, messages_of, summary_of
from .errors import InvalidConfig
from .fields import reveal
from .form_texts import NotUnderstood, read_form_text
from .http import encode_json
from .markers import Internal, SentTo

__all__ = ["ConnectorConfig", "FieldFacts"]

MAX_CONFIG_BYTES = 64 * 1024  # of JSON: workers keep many configurations in memory


class ConnectorConfig(BaseModel):
    """Base of every connector's `Config`. Names in JSON are camelCase; unknown fields are errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        field_title_generator=lambda name, info: name.replace("_", " ").capitalize(),
        hide_input_in_errors=True,
        str_strip_whitespace=True,
    )

    # Optional fields that the example on the documentation page has beside the required ones, by JSON name.
    in_example: ClassVar[tuple[str, ...]] = ()

    # How deliveries are sent to the integration, whatever its type.
    ordered: bool = Field(
        default=False, description="Send the events of one asset in the order in which they were published."
    )
    rate_limit: Annotated[float, Field(ge=0.01, le=1000)] | None = Field(
        default=None, description="The most deliveries per second."
    )
    access_token: Annotated[SecretStr | None, Internal(), SentTo()] = None  # the OAuth grant's, if there is a grant
    integration_id: Annotated[str, Internal()] = ""  # of the saved integration, to tell what is its own at a provider

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Refuses, with a TypeError, a secret that does not say where it is sent or names a field that is not there."""
        aliases = {fact.alias for fact in cls.facts()}
        for fact in cls.facts():
            named = {*fact.sent_to, *filter(None, [fact.only_with, fact.kind_in])}
            if not named <= aliases or (fact.only_with and fact.only_with not in fact.sent_to):
                raise TypeError(f"{cls.__qualname__}.{fact.name} is sent to something that is not a field.")

    @classmethod
    @cache
    def facts(cls) -> tuple[FieldFacts, ...]:
        """The declared fields in their order, then those that all types have."""
        own = [name for name in cls.model_fields if name not in ConnectorConfig.model_fields]
        return tuple(facts_of(name, cls.model_fields[name]) for name in dict.fromkeys([*own, *cls.model_fields]))

    @classmethod
    def parse(cls, values: Mapping[str, Any], *, connected: bool = False) -> Self:
        """The configuration that a user submitted, as JSON names and values.

        Null counts as absent, and so does a blank text unless the field accepts it. Texts are parsed if the field
        has another type, see `read_form`. `connected` says that there is an OAuth grant, which replaces some secrets.
        Raises InvalidConfig with `details` by JSON name.
        """
        facts = {fact.alias: fact for fact in cls.facts()}
        values, misread = cls._read_form(values)
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
            for alias, messages in messages_of(error, cls._aliases()).items():
                details.setdefault(alias, []).extend([misread[alias]] if alias in misread else messages)
        if details or config is None:
            raise InvalidConfig(summary_of(details), details)
        if (size := len(encode_json(cleaned))) > MAX_CONFIG_BYTES:
            raise InvalidConfig(f"The configuration has {size} bytes; it can have {MAX_CONFIG_BYTES}.")
        return config

    @classmethod
    def read_form(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """The submitted values, with what a form wrote as text for fields that are no text read: lists and such.

        For example `{"events": "push, release"}` comes back as `{"events": ["push", "release"]}`. A text that cannot be
        read stays, and `parse` says what is wrong with it. See `form_texts.read_form_text` for the forms.
        """
        return cls._read_form(values)[0]

    @classmethod
    def _read_form(cls, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """The values, and the message for each that could not be read."""
        kinds = {fact.alias: fact.kind for fact in cls.facts()}
        read, misread = dict(values), {}
        for alias, value in values.items():
            if isinstance(value, str) and alias in kinds:
                try:
                    read[alias] = read_form_text(kinds[alias], value)
                except NotUnderstood as error:
                    misread[alias] = str(error)
        return read, misread

    @classmethod
    def load(cls, public: Mapping[str, Any], secrets: Mapping[str, Any]) -> Self:
        """The configuration as stored: `public` and `secrets` by JSON name. Raises InvalidConfig."""
        try:
            return cls.model_validate({**public, **secrets})
        except ValidationError as error:
            details = messages_of(error, cls._aliases())
            raise InvalidConfig(summary_of(details), details) from None

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema of what a user submits. Secrets are `writeOnly`."""
        schema = cls.model_json_schema(by_alias=True)
        shown = [fact for fact in cls.facts() if not fact.internal]
        fields = schema["properties"]
        schema["properties"] = {fact.alias: flat_schema(fields[fact.alias], required=fact.required) for fact in shown}
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
            if fact.mapping:
                found[fact.alias] = {name: reveal(item) for name, item in value.items()}
            else:
                found[fact.alias] = reveal(value)
        return found

    def secret_texts(self) -> list[str]:
        """All secrets that it holds, in clear, the internal ones and an access token too: what must not be shown."""
        values = [getattr(self, fact.name) for fact in self.facts() if fact.secret]
        found = [item for value in values for item in (value.values() if isinstance(value, dict) else [value])]
        return [text for text in map(reveal, filter(None, found)) if isinstance(text, str)]

    @property
    def held_token(self) -> HeldToken | None:
        """Where its flows keep an access token that they have fetched themselves, if they do."""
        return None

    @classmethod
    def _aliases(cls) -> dict[str, str]:
        return {fact.name: fact.alias for fact in cls.facts()}

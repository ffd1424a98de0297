import time
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, SecretStr

from integrations.core.config import ConnectorConfig
from integrations.core.errors import InvalidConfig
from integrations.core.markers import Internal, Matches, NeverSent, OAuthReplaces, OneOf, SentTo

Code = Annotated[str, Matches(r"^[a-z]{2}$", "two characters from a to z", "de")]
Note = Annotated[str, Matches(r"^.{0,5}$", "at most five characters", "hello")]


class Example(ConnectorConfig):
    address: str
    api_key: Annotated[SecretStr | None, SentTo("address"), OAuthReplaces()] = None
    signing_key: Annotated[SecretStr | None, NeverSent()] = None
    country_code: Code | None = None
    note: Note = "x"
    colour: Annotated[str, OneOf(("red", "blue"), "a colour")] = "red"
    headers: Annotated[dict[str, SecretStr], SentTo("address", "country_code", only_with="country_code")] = {}
    counted: Annotated[int, Field(ge=1), Internal()] = 1


GIVEN = {"address": "here", "apiKey": "k", "headers": {"X": "secret"}}


def details_of(values: Any) -> Any:
    with pytest.raises(InvalidConfig) as caught:
        Example.parse(values)
    return caught.value.details


def test_every_wrong_field_is_named_as_the_user_knows_it() -> None:
    assert details_of({"countryCode": "DEU", "colour": "green", "tall": 1, "counted": 2}) == {
        "tall": ["unknown field"],
        "counted": ["unknown field"],
        "address": ["this field is required"],
        "apiKey": ["this field is required"],
        "countryCode": ["must be two characters from a to z, for example de"],
        "colour": ["must be a colour, for example red"],
    }


class Limits(ConnectorConfig):
    url: Annotated[str, Matches("^h.*$", "an address", "http://a.example"), Field(max_length=20)]
    names: Annotated[list[str], Field(min_length=1)] = ["x"]
    kind: Literal["red", "blue"] = "red"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("url", None, "this field is required"),
        ("url", 5, "must be a string"),
        ("url", "h" * 21, "must have at most 20 characters"),
        ("names", [], "must have at least 1 item"),
        ("names", 5, "must be a list"),
        ("names", "[x", "must be a list, or text with commas between the items, for example push, release"),
        ("names", [1], "0: must be a string"),
        ("kind", "green", "must be 'red' or 'blue'"),
        ("ordered", "maybe", "must be a boolean"),
        ("rateLimit", "fast", "must be a number"),
        ("rateLimit", 0, "must be greater than or equal to 0.01"),
    ],
)
def test_types_and_limits_have_the_same_texts(field: str, value: Any, says: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        Limits.parse({"url": "h", field: value})
    assert caught.value.details == {field: [says]}


def test_the_message_names_the_first_wrong_field() -> None:
    with pytest.raises(InvalidConfig, match="not valid: address: this field is required"):
        Example.parse({"apiKey": "k"})


def test_what_a_connected_account_replaces_may_be_missing() -> None:
    assert Example.parse({"address": "here"}, connected=True).api_key is None


def test_blank_counts_as_absent_unless_the_field_accepts_it() -> None:
    parsed = Example.parse({**GIVEN, "countryCode": "", "note": "", "signingKey": None})
    assert (parsed.country_code, parsed.note, parsed.signing_key) == (None, "", None)
    assert details_of({**GIVEN, "address": ""}) == {"address": ["this field is required"]}


def test_secrets_are_kept_apart_and_printed_nowhere() -> None:
    parsed = Example.parse(GIVEN)
    assert parsed.public() == {"address": "here", "headers": {"X": ""}}
    assert parsed.secrets() == {"apiKey": "k", "headers": {"X": "secret"}}
    assert "secret'" not in repr(parsed)
    assert Example.load({"address": "here"}, parsed.secrets()).secrets() == parsed.secrets()


def test_a_wrong_value_is_never_repeated_in_the_message() -> None:
    assert "hunter2" not in str(details_of({**GIVEN, "headers": "hunter2", "apiKey": ["hunter2"]}))


def test_what_is_stored_and_no_longer_valid_says_so() -> None:
    with pytest.raises(InvalidConfig, match="countryCode"):
        Example.load({"address": "here", "countryCode": "DEU"}, {})


def test_the_facts_follow_from_the_declaration() -> None:
    facts = {fact.alias: fact for fact in Example.facts()}
    assert list(facts)[:2] == ["address", "apiKey"], "a type's own fields come first"
    assert facts["apiKey"].secret
    assert facts["apiKey"].sent_to == ("address",)
    assert facts["apiKey"].required
    assert facts["signingKey"].sent_to == ()
    assert (facts["headers"].sent_to, facts["headers"].only_with) == (("address", "countryCode"), "countryCode")
    assert facts["headers"].mapping
    assert facts["counted"].internal
    assert facts["note"].accepts_blank
    assert not facts["countryCode"].accepts_blank


def test_a_text_of_any_length_is_validated_at_once() -> None:
    began = time.process_time()
    assert not Matches(r"^[^@]+@[^@]+\.[^@]+$", "an e-mail address", "a@b.c").accepts("a@" + "." * 1_000_000 + "@")
    assert time.process_time() - began < 5  # it takes an hour if the pattern is tried


def test_the_schema_shows_a_form_all_that_it_needs() -> None:
    schema = Example.json_schema()
    assert schema["required"] == ["address", "apiKey"]
    assert schema["properties"]["note"] == {
        "type": "string",
        "title": "Note",
        "description": "At most five characters",
        "pattern": "^.{0,5}$",
        "examples": ["hello"],
        "default": "x",
    }
    assert schema["properties"]["colour"]["enum"] == ["red", "blue"]
    assert schema["properties"]["apiKey"]["writeOnly"] is True
    assert schema["properties"]["apiKey"]["type"] == "string", "null would be refused"
    assert schema["properties"]["countryCode"]["type"] == ["string", "null"]
    assert schema["properties"]["countryCode"]["pattern"] == "^[a-z]{2}$"
    assert "counted" not in schema["properties"]


class Named(ConnectorConfig):
    names: list[str] = []


def test_a_configuration_is_small() -> None:
    assert len(Named.parse({"names": ["x" * 1000] * 60}).names) == 60
    with pytest.raises(InvalidConfig, match=r"has \d{5} bytes; it can have 65536"):
        Named.parse({"names": ["x" * 1000] * 70})

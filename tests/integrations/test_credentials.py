from typing import Annotated

import pytest
from pydantic import SecretStr

from integrations.core.config import ConnectorConfig
from integrations.core.errors import InvalidConfig
from integrations.core.markers import NeverSent, SentTo
from integrations.credentials import bound_secrets, keep_secrets


class Config(ConnectorConfig):
    url: str
    base_url: str = "https://api.example.com"
    hook_url: str | None = None
    name: str = ""
    token: Annotated[SecretStr | None, SentTo("url", "base_url")] = None
    hook_token: Annotated[SecretStr | None, SentTo("hook_url", only_with="hook_url")] = None
    signing_key: Annotated[SecretStr | None, NeverSent()] = None
    headers: Annotated[dict[str, SecretStr], SentTo("url", "base_url")] = {}


PUBLIC = {"url": "https://a.example.com", "headers": {"Authorization": "", "X-Team": ""}}
SECRETS = {"token": "t0ken", "signingKey": "k3y", "headers": {"Authorization": "Bearer b", "X-Team": "red"}}


def keep(**submitted: object) -> dict[str, object]:
    return keep_secrets(Config, {"url": "https://a.example.com", **submitted}, PUBLIC, SECRETS)


def test_a_blank_or_absent_secret_keeps_the_stored_one() -> None:
    assert keep(token="")["token"] == "t0ken"
    assert keep()["token"] == "t0ken"
    assert keep()["headers"] == SECRETS["headers"]


def test_a_given_secret_replaces_the_stored_one() -> None:
    assert keep(token="new")["token"] == "new"


def test_null_erases_a_secret() -> None:
    assert keep(token=None)["token"] is None
    assert keep(headers=None)["headers"] is None


def test_a_blank_header_keeps_its_value_and_a_missing_one_is_removed() -> None:
    assert keep(headers={"Authorization": "", "X-New": "1"})["headers"] == {
        "Authorization": "Bearer b",
        "X-New": "1",
    }


@pytest.mark.parametrize("text", ['{"Authorization": "", "X-New": "1"}', "{Authorization: , X-New: 1}"])
def test_headers_written_by_a_form_are_kept_too(text: str) -> None:
    assert keep(headers=text)["headers"] == {"Authorization": "Bearer b", "X-New": "1"}


def test_headers_that_cannot_be_read_are_reported_and_not_replaced() -> None:
    assert keep(headers="hunter2")["headers"] == "hunter2"
    with pytest.raises(InvalidConfig, match="headers: must be an object"):
        keep(url="https://b.example.com", headers="hunter2")


@pytest.mark.parametrize(
    "moved",
    [
        {"url": "https://evil.example.com"},
        {"baseUrl": "https://evil.example.com"},
    ],
)
def test_when_the_destination_changes_secrets_must_be_given_again(moved: dict[str, object]) -> None:
    with pytest.raises(InvalidConfig) as caught:
        keep(**moved)
    assert set(caught.value.details) == {"token", "headers"}
    assert next(iter(moved)) in caught.value.details["token"][0]
    assert "t0ken" not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"url": 5}, {"colour": "red"}, {"ordered": "maybe"}])
def test_other_errors_are_reported_before_secrets_are_asked_for_again(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidConfig) as caught:
        keep(**{"url": "https://b.example.com", **wrong})
    assert set(caught.value.details) == set(wrong)


def test_one_kept_header_is_enough_to_refuse_a_new_destination() -> None:
    with pytest.raises(InvalidConfig) as caught:
        keep(url="https://b.example.com", token="again", headers={"Authorization": "", "X-Team": "blue"})
    assert set(caught.value.details) == {"headers"}


def test_a_new_destination_is_fine_when_everything_is_given_again() -> None:
    merged = keep(url="https://b.example.com", token="again", headers={"X-Team": "blue"})
    assert merged["token"] == "again"
    assert merged["headers"] == {"X-Team": "blue"}


def test_a_new_destination_is_fine_when_the_secrets_are_erased() -> None:
    assert keep(url="https://b.example.com", token=None, headers={})["token"] is None


def test_a_secret_that_only_signs_is_kept_at_a_new_destination() -> None:
    assert keep(url="https://b.example.com", token="again", headers={})["signingKey"] == "k3y"


def test_going_back_to_the_default_address_is_a_change_too() -> None:
    stored = {**PUBLIC, "baseUrl": "https://own.example.com"}
    with pytest.raises(InvalidConfig):
        keep_secrets(Config, {"url": "https://a.example.com"}, stored, SECRETS)


def test_a_trailing_slash_is_no_change() -> None:
    assert keep(baseUrl="https://api.example.com/")["token"] == "t0ken"


class ChatConfig(ConnectorConfig):
    webhook_url: Annotated[SecretStr, SentTo()]
    bot_token: Annotated[SecretStr | None, SentTo("webhook_url")] = None


STORED_CHAT = {"webhookUrl": "https://chat.example.com/1", "botToken": "b0t"}


def test_a_blank_webhook_url_is_kept_with_everything_else() -> None:
    assert keep_secrets(ChatConfig, {"webhookUrl": ""}, {}, STORED_CHAT) == STORED_CHAT


def test_a_new_secret_webhook_url_asks_for_the_other_secrets() -> None:
    with pytest.raises(InvalidConfig) as caught:
        keep_secrets(ChatConfig, {"webhookUrl": "https://chat.example.com/2"}, {}, STORED_CHAT)
    assert set(caught.value.details) == {"botToken"}


HOOKED = {**PUBLIC, "hookUrl": "https://hooks.example.com/1"}
HOOK_SECRETS = {"hookToken": "h00k", "signingKey": "k3y"}


def keep_hook(**submitted: object) -> dict[str, object]:
    return keep_secrets(Config, {"url": "https://a.example.com", **submitted}, HOOKED, HOOK_SECRETS)


def test_a_secret_asks_only_for_the_fields_that_it_declares() -> None:
    assert keep_hook(hookUrl="https://hooks.example.com/1", url="https://b.example.com")["hookToken"] == "h00k"
    with pytest.raises(InvalidConfig) as caught:
        keep_hook(hookUrl="https://evil.example.com/1")
    assert caught.value.details == {"hookToken": ["must be given again, because hookUrl changed"]}


def test_a_secret_that_is_not_sent_any_more_is_kept_until_it_would_be_sent_elsewhere() -> None:
    kept = keep_hook(hookUrl="")
    assert kept["hookToken"] == "h00k"
    with pytest.raises(InvalidConfig, match="Give hookToken again"):
        keep_secrets(Config, {**PUBLIC, "hookUrl": "https://evil.example.com"}, PUBLIC, HOOK_SECRETS)


def test_secrets_that_would_be_sent_elsewhere_are_left_out_of_what_oauth_brings() -> None:
    assert bound_secrets(Config, HOOKED, HOOK_SECRETS, HOOKED) == HOOK_SECRETS
    assert bound_secrets(Config, HOOKED, HOOK_SECRETS, {**HOOKED, "hookUrl": "https://b.example.com"}) == {
        "signingKey": "k3y"
    }


def test_a_secret_that_does_not_say_where_it_goes_is_refused_when_its_class_is_made() -> None:
    with pytest.raises(TypeError, match="token is a secret: declare with SentTo"):
        type("Forgotten", (ConnectorConfig,), {"__annotations__": {"token": SecretStr}})


def test_a_secret_can_only_depend_on_fields_that_exist() -> None:
    declared = {"token": Annotated[SecretStr, SentTo("base_url")]}
    with pytest.raises(TypeError, match="is sent to something that is not a field"):
        type("Mistyped", (ConnectorConfig,), {"__annotations__": declared})

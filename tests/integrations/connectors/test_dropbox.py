import json
from typing import Any

import pytest

from integrations.connectors.dropbox import Dropbox
from integrations.core.errors import AuthFailed, ConnectionFailed, IntegrationError, InvalidConfig, RateLimited
from integrations.core.http import Response
from integrations.egress.curl import run_flow
from integrations.families.documents import Conflict
from tests.fakes.dropbox import TOKEN, FakeDropbox
from tests.flows import CREATED, DELETED, PING, UPDATED, json_response, play, text_response

PATH = "/Invenicum/asset-123.json"


def config(**more: Any) -> Dropbox.Config:
    return Dropbox.Config.parse({"path": "/Invenicum", "accessToken": TOKEN, **more})


def refusal(status: Any, summary: Any, **error: Any) -> Response:
    return json_response(status, {"error_summary": summary, "error": error})


def test_a_token_is_entered_or_comes_from_oauth() -> None:
    with pytest.raises(InvalidConfig, match="accessToken: this field is required"):
        Dropbox.Config.parse({})
    with pytest.raises(AuthFailed, match="Connect your Dropbox account first"):
        play(Dropbox().test(Dropbox.Config.parse({}, connected=True)))
    assert config().secrets() == {"accessToken": TOKEN}


@pytest.mark.parametrize("path", ["Invenicum", "/Invenicum/", "/a\nb"])
def test_a_path_begins_but_does_not_end_with_a_slash(path: str) -> None:
    with pytest.raises(InvalidConfig, match="/Invenicum"):
        config(path=path)


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (refusal(401, "expired_access_token/."), AuthFailed, "has expired"),
        (refusal(401, "invalid_access_token/"), AuthFailed, "refused the access token"),
        (refusal(401, "missing_scope/..", required_scope="files.content.write"), AuthFailed, "files.content.write"),
        (text_response(400, "Invalid authorization value in HTTP header"), AuthFailed, "Invalid authorization"),
        (refusal(429, "too_many_requests/", retry_after=7), RateLimited, "slow down"),
        (text_response(500), ConnectionFailed, "500"),
    ],
)
def test_each_refusal_of_the_account_has_its_error(answer: Response, error: type[IntegrationError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        play(Dropbox().test(config()), answer)
    assert type(caught.value) is error
    assert TOKEN not in caught.value.message


@pytest.mark.parametrize(
    ("summary", "error"),
    [
        ("path/insufficient_space/..", ConnectionFailed),
        ("path/no_write_permission/.", AuthFailed),
        ("path/disallowed_name/", InvalidConfig),
        ("path/too_many_write_operations/", RateLimited),
    ],
)
def test_each_refusal_of_a_path_has_its_error(summary: str, error: type[IntegrationError]) -> None:
    with pytest.raises(error) as caught:
        play(Dropbox().deliver(CREATED, config(), 0), refusal(409, summary))
    assert type(caught.value) is error


def test_a_wait_may_be_in_the_body_only() -> None:
    with pytest.raises(RateLimited) as caught:
        play(Dropbox().test(config()), refusal(429, "too_many_requests/", retry_after=7))
    assert caught.value.retry_after == 7


def test_a_name_beyond_ascii_is_escaped_in_the_header() -> None:
    _, (request,) = play(Dropbox().deliver(CREATED, config(path="/Büro"), 0), json_response(200, {}))
    header = request.headers["Dropbox-API-Arg"]
    assert header.isascii()
    assert json.loads(header)["path"] == "/Büro/asset-123.json"
    assert json.loads(header)["mode"] == "overwrite"


def test_an_asset_is_written_changed_and_removed() -> None:
    with FakeDropbox() as fake:
        dropbox = Dropbox({"apiUrl": fake.url})
        result = run_flow(dropbox.test(config()))
        assert result.metadata == {"account": "alice@example.com", "path": "/Invenicum"}
        run_flow(dropbox.deliver(PING, config(), 0))
        assert fake.files == {}
        run_flow(dropbox.deliver(CREATED, config(), 0))
        run_flow(dropbox.deliver(UPDATED, config(), 0))
        assert json.loads(fake.files[PATH])["name"] == "Hero Image.jpg"
        run_flow(dropbox.deliver(DELETED, config(), 0))
        run_flow(dropbox.deliver(DELETED, config(), 0))
        assert fake.files == {}


def test_a_file_that_changes_during_the_flow_is_read_again() -> None:
    with FakeDropbox() as fake:
        fake.before_write = [lambda: fake.files.update({PATH: b'{"assetId": "asset-123", "tags": ["draft", "new"]}'})]
        run_flow(Dropbox({"apiUrl": fake.url}).deliver(UPDATED, config(), 0))
        assert json.loads(fake.files[PATH])["tags"] == ["new", "featured"]


def test_after_repeated_conflicts_the_delivery_is_retried_later() -> None:
    answers = [refusal(409, "path/not_found/."), refusal(409, "path/conflict/file/.")] * 3
    with pytest.raises(Conflict) as caught:
        play(Dropbox().deliver(UPDATED, config(), 0), *answers)
    assert not caught.value.permanent


def test_the_test_finds_a_missing_folder_and_a_missing_permission() -> None:
    with FakeDropbox() as fake:
        dropbox = Dropbox({"apiUrl": fake.url})
        with pytest.raises(InvalidConfig, match="no such folder"):
            run_flow(dropbox.test(config(path="/Elsewhere")))
        fake.scopes.remove("files.content.write")
        with pytest.raises(AuthFailed, match=r"permission files\.content\.write"):
            run_flow(dropbox.test(config()))

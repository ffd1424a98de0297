import json
from typing import Any

import pytest

from integrations.connectors.dropbox import Dropbox
from integrations.core.errors import (
    AuthFailed,
    ConnectionFailed,
    IntegrationError,
    InvalidConfig,
    RateLimited,
    Rejected,
)
from integrations.core.http import Response
from integrations.core.memory import Notes, with_memory
from integrations.egress.curl import run_flow
from integrations.families.documents import Conflict
from tests.fakes.dropbox import TOKEN, FakeDropbox, error_of
from tests.flows import CREATED, DELETED, PING, UPDATED, delivery, json_response, play, text_response

PATH = "/Invenicum/asset-123.json"


def config(**more: Any) -> Dropbox.Config:
    return Dropbox.Config.parse({"path": "/Invenicum", "accessToken": TOKEN, **more})


def refusal(status: int, *tags: str, **fields: Any) -> Response:
    return json_response(status, error_of(*tags, **fields))


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
        (refusal(401, "expired_access_token"), AuthFailed, "has expired"),
        (refusal(401, "invalid_access_token"), AuthFailed, "refused the access token"),
        (refusal(401, "user_suspended"), AuthFailed, "suspended this account"),
        (refusal(401, "missing_scope", required_scope="files.content.write"), AuthFailed, r"files\.content\.write"),
        (refusal(403, "team_access_denied"), AuthFailed, "ask its administrator"),
        (refusal(403, "invalid_account_type", "endpoint"), AuthFailed, "accounts of this type"),
        # https://www.dropbox.com/developers/documentation/http/documentation#error-handling: a 400 is plain text
        (
            text_response(400, 'Error in call to API function "users/get_current_account": no null'),
            InvalidConfig,
            "no null",
        ),
        (text_response(400, "The given OAuth 2 access token is malformed."), AuthFailed, "paste it again"),
        (text_response(429, retry_after="7"), RateLimited, "slow down"),
        (text_response(500), ConnectionFailed, "500"),
    ],
)
def test_each_refusal_of_the_account_has_its_error(answer: Response, error: type[IntegrationError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        play(Dropbox().test(config()), answer)
    assert type(caught.value) is error
    assert TOKEN not in caught.value.message


# The tags of WriteError, UploadError and LookupError in files.stone: https://github.com/dropbox/dropbox-api-spec
@pytest.mark.parametrize(
    ("tags", "error", "fault", "says"),
    [
        (("path", "conflict", "file"), Conflict, "service", "keeps changing"),
        (("path", "conflict", "file_ancestor"), InvalidConfig, "target", "choose a folder"),
        (("path", "conflict", "folder"), InvalidConfig, "target", "rename it"),
        (("path", "insufficient_space"), ConnectionFailed, "target", "no space left: free some"),
        (("path", "no_write_permission"), AuthFailed, "target", "may not write"),
        (("path", "access_restricted"), AuthFailed, "target", "An administrator of the Dropbox team has restricted"),
        (("path", "operation_suppressed"), InvalidConfig, "target", "choose a folder below"),
        (("path", "disallowed_name"), Rejected, "event", "of this name"),
        (("path", "malformed_path"), InvalidConfig, "target", "malformed_path"),
        (("path", "too_many_write_operations"), RateLimited, "service", "slow down"),
        (("payload_too_large",), Rejected, "event", "too large"),
        (("encryption_not_supported",), InvalidConfig, "target", "encrypted"),
        (("something_new",), InvalidConfig, "target", "something_new"),
    ],
)
def test_each_refusal_of_a_document_has_its_error(
    tags: tuple[str, ...], error: type[IntegrationError], fault: str, says: str
) -> None:
    answers = [refusal(409, *tags)] * (1 if error is not Conflict else 3)
    with pytest.raises(error, match=says) as caught:
        play(Dropbox().deliver(CREATED, config(), 0), *answers)
    assert (type(caught.value), caught.value.fault) == (error, fault)


def test_tags_are_compared_whole_and_the_summary_is_not_read() -> None:
    misleading = {"error_summary": "path/not_found/..", "error": {".tag": "path", "path": {".tag": "not_found_here"}}}
    for event in (UPDATED, DELETED):
        with pytest.raises(InvalidConfig, match="not_found_here"):
            play(Dropbox().deliver(event, config(), 0), json_response(409, misleading))


def test_a_wait_may_be_in_the_body_only() -> None:
    body = {"error_summary": "too_many_requests/", "error": {"reason": {".tag": "too_many_requests"}, "retry_after": 7}}
    with pytest.raises(RateLimited) as caught:
        play(Dropbox().test(config()), json_response(429, body))
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
        assert result.metadata == {"account": "alice@example.com", "path": "/Invenicum", "space": "own"}
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
    answers = [refusal(409, "path", "not_found"), refusal(409, "path", "conflict", "file")] * 3
    with pytest.raises(Conflict) as caught:
        play(Dropbox().deliver(UPDATED, config(), 0), *answers)
    assert caught.value.fault == "service"


def test_the_test_finds_a_missing_folder_and_a_missing_permission() -> None:
    with FakeDropbox() as fake:
        dropbox = Dropbox({"apiUrl": fake.url})
        with pytest.raises(InvalidConfig, match="no such folder"):
            run_flow(dropbox.test(config(path="/Elsewhere")))
        fake.scopes.remove("files.content.write")
        with pytest.raises(AuthFailed, match=r"permission files\.content\.write"):
            run_flow(dropbox.test(config()))


def test_the_test_finds_a_folder_that_may_only_be_read() -> None:
    with FakeDropbox() as fake:
        fake.folders["/Invenicum"] = {"sharing_info": {"read_only": True, "parent_shared_folder_id": "84528192421"}}
        with pytest.raises(AuthFailed, match="may not write to this folder"):
            run_flow(Dropbox({"apiUrl": fake.url}).test(config()))


def test_in_a_team_documents_go_to_the_own_folder_or_to_the_space_of_the_team() -> None:
    with FakeDropbox() as fake:
        fake.root, fake.folders = "7", {"/Inventory": {}, "/Alice/Invenicum": {}}
        dropbox, notes = Dropbox({"apiUrl": fake.url}), Notes()
        for own in (config(), config(space="team", path="/Inventory")):
            run_flow(with_memory(dropbox.test(own), Notes()))
            for event in (CREATED, UPDATED):
                run_flow(delivery(dropbox, event, own, notes=notes))
        assert list(fake.files) == ["/Alice/Invenicum/asset-123.json", "/Inventory/asset-123.json"]
        assert json.loads(fake.files["/Inventory/asset-123.json"])["name"] == "Hero Image.jpg"
        run_flow(delivery(dropbox, DELETED, own, notes=notes))
        assert list(fake.files) == ["/Alice/Invenicum/asset-123.json"]
        asked = [request.path for request in fake.requests]
        assert asked.count("/2/users/get_current_account") == 2 * 2, "once for each test, and once for all deliveries"


def test_when_the_account_changes_its_team_the_new_space_is_used() -> None:
    with FakeDropbox() as fake:
        fake.root, fake.folders = "7", {"/Inventory": {}}
        dropbox, notes, own = Dropbox({"apiUrl": fake.url}), Notes(), config(space="team", path="/Inventory")
        run_flow(delivery(dropbox, CREATED, own, notes=notes))
        fake.root = "8"
        run_flow(delivery(dropbox, CREATED, own, notes=notes))
        assert notes.kept == {"root": "8"}


def test_an_account_without_a_team_space_cannot_choose_it() -> None:
    with FakeDropbox() as fake:
        dropbox = Dropbox({"apiUrl": fake.url})
        with pytest.raises(InvalidConfig, match="choose its own folder") as caught:
            run_flow(with_memory(dropbox.test(config(space="team")), Notes()))
        assert caught.value.details == {"space": ["must be own"]}


def test_a_space_that_is_not_accessible_is_told() -> None:
    account = json_response(200, {"root_info": {"root_namespace_id": "7", "home_namespace_id": "1"}})
    with pytest.raises(InvalidConfig, match="no access to the space"):
        play(delivery(Dropbox(), CREATED, config(space="team")), account, refusal(422, "no_permission"))

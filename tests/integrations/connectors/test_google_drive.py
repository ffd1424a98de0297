import json
import time
from typing import Any

import pytest
from pydantic import SecretStr

from integrations.connectors.google_drive import GoogleDrive
from integrations.core.errors import AuthFailed, ConnectionFailed, IntegrationError, InvalidConfig, RateLimited
from integrations.core.http import Response
from integrations.egress.curl import run_flow
from tests.fakes.google_drive import FOLDER, TOKEN, FakeGoogleDrive
from tests.flows import CREATED, DELETED, PING, UPDATED, json_response, play, text_response

HOOK = "https://api.invenicum.com/webhooks/google_drive"


def config(**values: Any) -> GoogleDrive.Config:
    parsed = GoogleDrive.Config.parse(values, connected=True)
    return parsed.model_copy(update={"access_token": SecretStr(TOKEN)})


def refusal(status: Any, reason: Any, message: str = "No.") -> Response:
    return json_response(status, {"error": {"message": message, "errors": [{"reason": reason}]}})


def test_without_a_connected_account_no_request_is_sent() -> None:
    with pytest.raises(AuthFailed, match="Connect your Google account first"):
        play(GoogleDrive().test(GoogleDrive.Config.parse({})))


def test_a_token_cannot_be_entered() -> None:
    with pytest.raises(InvalidConfig, match="accessToken: unknown field"):
        GoogleDrive.Config.parse({"accessToken": TOKEN})


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (refusal(401, "authError"), AuthFailed, "connect the account again"),
        (refusal(403, "userRateLimitExceeded"), RateLimited, "slow down"),
        (refusal(429, "rateLimitExceeded"), RateLimited, "slow down"),
        (refusal(403, "storageQuotaExceeded"), ConnectionFailed, "no space left"),
        (refusal(403, "accessNotConfigured"), AuthFailed, "not enabled"),
        (refusal(403, "insufficientPermissions"), AuthFailed, "lacks a permission"),
        (refusal(403, "appNotAuthorizedToFile", "Not yours."), AuthFailed, "Not yours"),
        (refusal(400, "invalid", "Bad query."), InvalidConfig, "Bad query"),
        (text_response(503), ConnectionFailed, "503"),
    ],
)
def test_each_refusal_of_drive_has_its_error(answer: Response, error: type[IntegrationError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        play(GoogleDrive().test(config()), answer)
    assert type(caught.value) is error
    assert TOKEN not in caught.value.message


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (refusal(404, "notFound"), InvalidConfig, "leave folderId empty"),
        (json_response(200, {"mimeType": "text/plain"}), InvalidConfig, "not a folder"),
        (json_response(200, {"mimeType": FOLDER, "trashed": True}), InvalidConfig, "in the bin"),
        (json_response(200, {"mimeType": FOLDER, "capabilities": {"canAddChildren": False}}), AuthFailed, "not add"),
    ],
)
def test_an_unsuitable_folder_is_refused_with_the_reason(
    answer: Response, error: type[IntegrationError], says: str
) -> None:
    about = json_response(200, {"user": {"emailAddress": "alice@example.com"}})
    with pytest.raises(error, match=says):
        play(GoogleDrive().test(config(folderId="1AbCdEfGhIjKlMnOp")), about, answer)


def test_an_asset_is_written_changed_and_removed() -> None:
    with FakeGoogleDrive() as fake:
        drive = GoogleDrive({"apiUrl": fake.url})
        own = config(pathPrefix="assets/2026/")
        assert run_flow(drive.test(own)).metadata == {"account": "alice@example.com", "folder": "Invenicum"}
        run_flow(drive.deliver(PING, own, 0))
        assert fake.files == {}
        run_flow(drive.deliver(CREATED, own, 0))
        run_flow(drive.deliver(CREATED, own, 0))
        run_flow(drive.deliver(UPDATED, own, 0))
        (document,) = [file_id for file_id, file in fake.files.items() if file["mimeType"] != FOLDER]
        assert fake.path_of(document) == "root/Invenicum/assets/2026/asset-123.json"
        assert json.loads(fake.files[document]["content"])["name"] == "Hero Image.jpg"
        run_flow(drive.deliver(DELETED, own, 0))
        run_flow(drive.deliver(DELETED, own, 0))
        assert fake.files[document]["trashed"] is True


def test_a_file_that_was_moved_and_renamed_is_still_found() -> None:
    with FakeGoogleDrive() as fake:
        drive = GoogleDrive({"apiUrl": fake.url})
        run_flow(drive.deliver(CREATED, config(), 0))
        (document,) = [file for file in fake.files.values() if file["mimeType"] != FOLDER]
        document |= {"name": "My chair.json", "parents": ["elsewhere"]}
        run_flow(drive.deliver(UPDATED, config(), 0))
        assert len(fake.files) == 2
        assert b"Hero Image.jpg" in document["content"]


def test_the_chosen_folder_is_used() -> None:
    with FakeGoogleDrive() as fake:
        fake.files["folder-000001"] = {"name": "Inventory", "mimeType": FOLDER, "parents": ["root"]}
        drive, own = GoogleDrive({"apiUrl": fake.url}), config(folderId="folder-000001")
        assert run_flow(drive.test(own)).metadata["folder"] == "Inventory"
        run_flow(drive.deliver(CREATED, own, 0))
        assert "root/Inventory/asset-123.json" in [fake.path_of(file_id) for file_id in fake.files]


def test_a_channel_is_watched_renewed_and_stopped() -> None:
    with FakeGoogleDrive() as fake:
        drive = GoogleDrive({"apiUrl": fake.url})
        assert drive.generated_secrets(config()) == {}
        assert "webhookSecret" in drive.generated_secrets(config(webhookUrl=HOOK))
        watching = config(webhookUrl=HOOK, webhookSecret="channel-token")
        state = run_flow(drive.on_save(watching, {}))
        assert time.time() < state["renewAt"] < time.time() + 7 * 86_400
        (channel,) = fake.channels.values()
        assert (channel["address"], channel["token"]) == (HOOK, "channel-token")
        renewed = run_flow(drive.on_save(watching, state))
        assert list(fake.channels) == [renewed["channelId"]]
        assert run_flow(drive.on_save(config(), renewed)) == {}
        assert fake.channels == {}
        run_flow(drive.on_delete(watching, renewed))

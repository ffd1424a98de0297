import time
from typing import Any

import pytest
from pydantic import SecretStr

from integrations.connectors.google_drive import GoogleDrive
from integrations.core.errors import AuthFailed, ConnectionFailed, IntegrationError, InvalidConfig, RateLimited
from integrations.core.http import Response
from integrations.core.memory import Notes
from integrations.egress.curl import run_flow
from tests.fakes.google_drive import FOLDER, TOKEN, FakeGoogleDrive
from tests.flows import CREATED, DELETED, UPDATED, delivery, json_response, play, text_response

HOOK = "https://api.invenicum.com/webhooks/google_drive"


def config(**values: Any) -> GoogleDrive.Config:
    parsed = GoogleDrive.Config.parse(values, connected=True)
    return parsed.model_copy(update={"access_token": SecretStr(TOKEN)})


def drive_of(fake: FakeGoogleDrive) -> GoogleDrive:
    return GoogleDrive({"apiUrl": fake.url})


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
        (refusal(403, "storageQuotaExceeded"), ConnectionFailed, "free some"),
        (refusal(403, "numChildrenInNonRootLimitExceeded"), ConnectionFailed, "as many files as Google"),
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


@pytest.mark.parametrize("reason", ["storageQuotaExceeded", "teamDriveFileLimitExceeded"])
def test_a_full_drive_is_its_owners_to_empty(reason: str) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        play(GoogleDrive().test(config()), refusal(403, reason))
    assert caught.value.fault == "target"


@pytest.mark.parametrize(
    ("folder", "error", "says"),
    [
        (refusal(404, "notFound"), InvalidConfig, "leave folderId empty.*OAUTH_GOOGLE_DRIVE_SCOPES"),
        (json_response(200, {"mimeType": "text/plain"}), InvalidConfig, "not a folder"),
        (json_response(200, {"mimeType": FOLDER, "trashed": True}), InvalidConfig, "in the bin: restore it"),
        (json_response(200, {"mimeType": FOLDER, "capabilities": {"canAddChildren": False}}), AuthFailed, "not add"),
    ],
)
def test_an_unsuitable_folder_is_refused_with_the_reason(
    folder: Response, error: type[IntegrationError], says: str
) -> None:
    about = json_response(200, {"user": {"emailAddress": "alice@example.com"}})
    with pytest.raises(error, match=says):
        play(GoogleDrive().test(config(folderId="1AbCdEfGhIjKlMnOp")), about, folder)


# As the address bar and "Copy link" give them.
@pytest.mark.parametrize(
    "link",
    [
        "1AbCdEfGhIjKlMnOp",
        "https://drive.google.com/drive/folders/1AbCdEfGhIjKlMnOp",
        "https://drive.google.com/drive/folders/1AbCdEfGhIjKlMnOp?usp=sharing",
        "https://drive.google.com/drive/u/0/folders/1AbCdEfGhIjKlMnOp",
        "https://drive.google.com/drive/u/1/folders/1AbCdEfGhIjKlMnOp?resourcekey=0-abc&usp=drive_link",
        "https://drive.google.com/open?id=1AbCdEfGhIjKlMnOp&usp=drive_copy",
    ],
)
def test_the_link_of_a_folder_may_be_pasted(link: str) -> None:
    assert config(folderId=link).folder_id == "1AbCdEfGhIjKlMnOp"


@pytest.mark.parametrize(
    "text", ["Invenicum", "https://drive.google.com/file/d/1AbCdEfGhIjKlMnOp/view", "https://example.com/folders/x"]
)
def test_what_is_no_link_of_a_folder_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidConfig, match=r"for example https://drive\.google\.com/drive/folders/1AbC"):
        config(folderId=text)


def test_an_existing_folder_in_a_shared_drive_is_used_with_the_scope_for_it() -> None:
    with FakeGoogleDrive() as fake:
        fake.add("0Ashared-drive", "Drive", "drives", driveId="0Ashared-drive")
        fake.add("shared-folder-1", "Inventory", "0Ashared-drive")
        drive, notes = drive_of(fake), Notes()
        own = config(folderId="https://drive.google.com/drive/folders/shared-folder-1", pathPrefix="assets/")
        with pytest.raises(InvalidConfig, match="Invenicum may not see it"):
            run_flow(drive.test(own))
        fake.has_full_scope = True
        assert run_flow(drive.test(own)).metadata["folder"] == "Inventory"
        for event in (CREATED, UPDATED):
            run_flow(delivery(drive, event, own, notes=notes))
        (document,) = fake.documents()
        assert fake.path_of(document) == "drives/Drive/Inventory/assets/asset-123.json"
        run_flow(delivery(drive, DELETED, own, notes=notes))
        assert fake.documents(trashed=True) == [document]


def test_a_channel_is_watched_renewed_and_stopped() -> None:
    with FakeGoogleDrive() as fake:
        drive = drive_of(fake)
        assert drive.generated_secrets(config()) == {}
        assert "webhookSecret" in drive.generated_secrets(config(webhookUrl=HOOK))
        watching = config(webhookUrl=HOOK, webhookSecret="channel-token")
        state = run_flow(drive.on_save(watching, {}))
        assert time.time() < state["renewAt"] < time.time() + 7 * 86_400
        (channel,) = fake.channels.values()
        assert (channel["address"], channel["token"]) == (HOOK, "channel-token")
        # https://developers.google.com/workspace/drive/api/reference/rest/v3/changes/watch
        assert fake.watches == [{"pageToken": "77", "supportsAllDrives": "true", "includeItemsFromAllDrives": "true"}]
        renewed = run_flow(drive.on_save(watching, state))
        assert list(fake.channels) == [renewed["channelId"]]
        assert run_flow(drive.on_save(config(), renewed)) == {}
        assert fake.channels == {}
        run_flow(drive.on_delete(watching, renewed))

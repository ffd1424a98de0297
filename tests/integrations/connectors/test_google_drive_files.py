"""Which file a document is, whatever becomes of answers, folders and the search."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from integrations.connectors.google_drive import GoogleDrive
from integrations.core.errors import ConnectionFailed, IntegrationError, InvalidConfig
from integrations.core.memory import Notes
from integrations.egress.curl import run_flow
from invenicum.events.message import Message
from tests.fakes.google_drive import FOLDER, TOKEN, FakeGoogleDrive
from tests.fakes.http_server import Received
from tests.flows import CREATED, DELETED, PING, UPDATED, delivery, message

OTHER = message("asset.created", {"assetId": "asset-456", "name": "Chair"})


class Account:
    """An integration with Drive: it delivers events and remembers."""

    def __init__(self, fake: FakeGoogleDrive) -> None:
        self.fake = fake
        self.notes = Notes()

    def deliver(self, *events: Message, **values: Any) -> None:
        config = GoogleDrive.Config.parse(values, connected=True)
        config = config.model_copy(update={"access_token": SecretStr(TOKEN)})
        for event in events:
            run_flow(delivery(GoogleDrive({"apiUrl": self.fake.url}), event, config, notes=self.notes))

    def paths(self) -> list[str]:
        return [self.fake.path_of(file_id) for file_id in self.fake.documents()]


@pytest.fixture
def account() -> Iterator[Account]:
    with FakeGoogleDrive() as fake:
        yield Account(fake)


def lose(request: Received) -> Any:
    """The request has had its effect, and its answer is lost."""
    return 502, {}, b"Bad gateway"


def test_an_asset_is_written_changed_and_removed(account: Account) -> None:
    account.deliver(PING)
    assert account.fake.files == {}
    account.deliver(CREATED, CREATED, UPDATED, pathPrefix="assets/2026/")
    (document,) = account.fake.documents()
    assert account.paths() == ["root/Invenicum/assets/2026/asset-123.json"]
    assert json.loads(account.fake.files[document]["content"])["name"] == "Hero Image.jpg"
    account.deliver(DELETED, DELETED, pathPrefix="assets/2026/")
    assert account.fake.documents(trashed=True) == [document]
    assert len(account.fake.files) == 4


def test_a_search_that_lags_behind_doubles_no_file_and_no_folder_and_loses_no_delete(account: Account) -> None:
    account.fake.search_lags = True
    account.deliver(CREATED, OTHER, CREATED, UPDATED, pathPrefix="assets/")
    assert account.paths() == ["root/Invenicum/assets/asset-123.json", "root/Invenicum/assets/asset-456.json"]
    account.deliver(DELETED, pathPrefix="assets/")
    assert account.paths() == ["root/Invenicum/assets/asset-456.json"]
    assert len([file for file in account.fake.files.values() if file["mimeType"] == FOLDER]) == 2


def test_an_answer_lost_at_any_step_doubles_nothing(account: Account) -> None:
    account.fake.search_lags = True
    for lost in range(12):
        account.notes, account.fake.files = Notes(), {}
        account.fake.before_answer = [*[lambda request: None] * lost, lose]
        try:
            account.deliver(CREATED, UPDATED, pathPrefix="assets/")
        except ConnectionFailed:
            account.fake.before_answer = []
            account.deliver(CREATED, UPDATED, pathPrefix="assets/")
        assert len(account.fake.files) == 3, lost
        assert account.paths() == ["root/Invenicum/assets/asset-123.json"]


@pytest.mark.parametrize("first_missing", [0, 1, 2])
def test_a_run_that_ended_before_it_made_what_it_had_an_id_for_is_taken_up(
    account: Account, first_missing: int
) -> None:
    account.deliver(CREATED, pathPrefix="assets/")
    before = list(account.fake.files)  # Invenicum, assets, asset-123.json
    for file_id in before[first_missing:]:
        del account.fake.files[file_id]
    account.deliver(CREATED, pathPrefix="assets/")
    assert account.paths() == ["root/Invenicum/assets/asset-123.json"]
    assert sorted(account.fake.files) == sorted(before), "with the ids that are remembered"


def test_the_folder_stays_ours_when_people_move_and_rename_it(account: Account) -> None:
    account.deliver(CREATED)
    (folder,) = [file_id for file_id, file in account.fake.files.items() if file["mimeType"] == FOLDER]
    account.fake.add("elsewhere-01", "Projects")
    account.fake.files[folder] |= {"name": "Inventory", "parents": ["elsewhere-01"]}
    account.deliver(OTHER, UPDATED)
    assert account.paths() == ["root/Projects/Inventory/asset-123.json", "root/Projects/Inventory/asset-456.json"]


def test_a_file_that_was_moved_and_renamed_is_still_the_assets(account: Account) -> None:
    account.deliver(CREATED)
    (document,) = account.fake.documents()
    account.fake.files[document] |= {"name": "My chair.json", "parents": ["root"]}
    account.deliver(UPDATED)
    assert account.paths() == ["root/My chair.json"]
    assert b"Hero Image.jpg" in account.fake.files[document]["content"]


@pytest.mark.parametrize("what", ["asset-123.json", "assets", "Invenicum"])
def test_what_is_moved_to_the_bin_is_made_again(account: Account, what: str) -> None:
    account.deliver(CREATED, pathPrefix="assets/")
    (binned,) = [file for file in account.fake.files.values() if file["name"] == what]
    binned["trashed"] = True
    account.deliver(CREATED, OTHER, pathPrefix="assets/")
    assert account.paths() == ["root/Invenicum/assets/asset-123.json", "root/Invenicum/assets/asset-456.json"]


def test_a_change_of_a_document_in_the_bin_makes_one_with_all_that_it_had(account: Account) -> None:
    account.deliver(CREATED)
    (binned,) = account.fake.documents()
    account.fake.files[binned]["trashed"] = True
    account.deliver(UPDATED)
    (document,) = account.fake.documents()
    content = json.loads(account.fake.files[document]["content"])
    assert (content["name"], content["createdBy"]) == ("Hero Image.jpg", "user-456")
    assert document != binned


def test_an_asset_that_is_made_again_gets_a_new_file(account: Account) -> None:
    account.deliver(CREATED, DELETED, CREATED)
    assert account.paths() == ["root/Invenicum/asset-123.json"]
    assert len(account.fake.documents(trashed=True)) == 1


def test_documents_are_found_again_after_connecting_again(account: Account) -> None:
    account.deliver(CREATED)
    before = set(account.fake.files)
    account.notes = Notes()
    account.deliver(UPDATED, OTHER)
    assert len(account.fake.files) == len(before) + 1
    account.notes = Notes()
    account.deliver(DELETED)
    assert account.paths() == ["root/Invenicum/asset-456.json"]


def test_what_the_search_finds_on_a_later_page_is_found(account: Account) -> None:
    account.deliver(CREATED)
    before = set(account.fake.files)
    account.notes, account.fake.empty_pages = Notes(), 3
    account.deliver(UPDATED)
    assert set(account.fake.files) == before


def test_a_search_without_end_finds_nothing(account: Account) -> None:
    account.fake.empty_pages = 1_000_000
    account.deliver(CREATED)
    assert account.paths() == ["root/Invenicum/asset-123.json"]


def test_a_folder_that_people_made_in_the_chosen_one_is_used(account: Account) -> None:
    account.fake.has_full_scope = True
    account.fake.add("folder-000001", "Inventory")
    account.fake.add("folder-000002", "O'Neill", "folder-000001")
    account.deliver(CREATED, folderId="folder-000001", pathPrefix="assets/")
    account.deliver(CREATED, folderId="folder-000001", pathPrefix="assets/")
    assert account.paths() == ["root/Inventory/assets/asset-123.json"]


@pytest.mark.parametrize("trashed", [True, False])
def test_a_chosen_folder_that_is_gone_is_told(account: Account, trashed: bool) -> None:
    account.fake.has_full_scope = True
    account.fake.add("folder-000001", "Inventory")
    account.deliver(CREATED, folderId="folder-000001")
    account.fake.files["folder-000001"]["trashed"] = True
    if not trashed:
        account.fake.files.clear()
    with pytest.raises(InvalidConfig, match="in the bin: restore it" if trashed else "no such folder") as caught:
        account.deliver(OTHER, folderId="folder-000001")
    assert list(caught.value.details) == ["folderId"]


def test_a_chosen_folder_that_comes_back_from_the_bin_has_each_document_once(account: Account) -> None:
    account.fake.has_full_scope = True
    account.fake.add("folder-000001", "Inventory", trashed=True)
    for _ in range(3):
        with pytest.raises(InvalidConfig, match="in the bin: restore it"):
            account.deliver(CREATED, folderId="folder-000001")
    account.fake.files["folder-000001"]["trashed"] = False
    account.deliver(CREATED, folderId="folder-000001")
    assert account.paths() == ["root/Inventory/asset-123.json"]


def test_an_id_that_was_made_for_another_account_is_replaced(account: Account) -> None:
    account.fake.before_answer = [*[lambda request: None] * 2, lose]
    with pytest.raises(ConnectionFailed):
        account.deliver(CREATED)
    account.fake.generated.clear()  # as for an account that has just been connected
    account.fake.generated |= {f"another-{number}" for number in range(9)}
    account.deliver(CREATED)
    assert account.paths() == ["root/Invenicum/asset-123.json"]


@pytest.mark.parametrize("event", [CREATED, UPDATED])
def test_another_account_that_sees_nothing_of_the_former_one_gets_its_own_documents(
    account: Account, event: Message
) -> None:
    account.deliver(CREATED, pathPrefix="assets/2026/")
    before = set(account.fake.files)
    for file in account.fake.files.values():
        file["foreign"] = True
    account.deliver(event, pathPrefix="assets/2026/")
    (document,) = set(account.fake.documents()) - before
    assert account.fake.path_of(document) == "root/Invenicum/assets/2026/asset-123.json"
    assert len(account.fake.files) == 2 * len(before)
    account.deliver(DELETED, pathPrefix="assets/2026/")
    assert account.fake.documents(trashed=True) == [document]


def test_a_refusal_is_told_in_googles_words(account: Account) -> None:
    account.fake.before_answer = [lambda request: (403, {}, b'{"error": {"message": "The domain policy forbids it."}}')]
    with pytest.raises(IntegrationError, match="domain policy forbids"):
        account.deliver(CREATED)

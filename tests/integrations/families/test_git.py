import re

import pytest

from integrations.families.git import commit_message
from tests.flows import CREATED, UPDATED, message


def test_a_commit_says_what_was_done_to_which_asset_and_for_which_event() -> None:
    summary, _, event = commit_message(CREATED).split("\n")
    assert summary == "Add asset-123: Product Photo.jpg"
    assert event == f"Invenicum event {CREATED.id}"
    assert commit_message(UPDATED).split("\n")[0] == "Update asset-123"


@pytest.mark.parametrize(
    "name",
    [
        "Fixes #7",
        "closes my-org/asset-repo#7",
        "Resolves GH-7",
        "Closes https://gitlab.com/my-group/asset-repo/-/issues/7",
        "@octocat",
        "Closes !7",
    ],
)
def test_a_name_closes_no_issue_and_mentions_no_user(name: str) -> None:
    summary = commit_message(message("asset.created", {"assetId": "a", "name": name})).split("\n")[0]
    assert summary.replace("\N{WORD JOINER}", "") == f"Add a: {name}", "people read it as it is"
    assert not re.search(r"[#!@]\w|GH-\d|://", summary)

import re
from typing import Any

import pytest

from integrations.connectors.bitbucket import Bitbucket
from integrations.connectors.github import GitHub
from integrations.connectors.gitlab import GitLab
from integrations.core.errors import InvalidConfig
from integrations.families.git_commits import DEFAULT_COMMIT_MESSAGE, are_own, commit_message
from tests.flows import CREATED, UPDATED, message
from tests.integrations.connectors.examples import EXAMPLES

INTEGRATION = "0199c0de-0000-7000-8000-00000000000a"
each_platform = pytest.mark.parametrize("connector", [GitHub, GitLab, Bitbucket])


def test_a_commit_says_what_was_done_to_which_asset_by_which_integration() -> None:
    summary, _, event, integration = commit_message(CREATED, DEFAULT_COMMIT_MESSAGE, INTEGRATION).split("\n")
    assert summary == "Add asset-123: Product Photo.jpg [skip ci]"
    assert event == f"Invenicum-Event: {CREATED.id}"
    assert integration == f"Invenicum-Integration: {INTEGRATION}"
    assert commit_message(UPDATED, DEFAULT_COMMIT_MESSAGE, "").split("\n")[0] == "Update asset-123 [skip ci]"


def test_a_template_is_filled_in() -> None:
    template = "chore(assets): {action} {assetId} ({name})\n\nBecause of {event}"
    said = commit_message(CREATED, template, "").split("\n")
    assert said[:3] == ["chore(assets): Add asset-123 (Product Photo.jpg)", "", "Because of asset.created"]
    named = message("asset.created", {"assetId": "a", "name": "{event} {summary}"})
    assert commit_message(named, "{name}", "").split("\n")[0] == "{event} {summary}", "a name is no template"
    assert commit_message(UPDATED, "{name}", "").split("\n")[0] == "Update asset-123", "no message is empty"


@each_platform
@pytest.mark.parametrize("template", ["{colour}", "{", "}{", "x" * 501, "a\tb", "a\x00"])
def test_a_template_with_an_unknown_placeholder_is_refused(connector: Any, template: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        connector.Config.parse({**EXAMPLES[connector.type], "commitMessage": template})
    assert list(caught.value.details) == ["commitMessage"]


@pytest.mark.parametrize(
    "name",
    [
        "Fixes #7",
        "closes my-org/asset-repo#7",
        "Resolves GH-7",
        "Closes https://gitlab.com/my-group/asset-repo/-/issues/7",
        "@octocat",
        "Closes !7",
        "[skip ci]",
        "[CI skip]",
        "[no ci]",
    ],
)
def test_a_name_closes_no_issue_mentions_no_user_and_stops_no_pipeline(name: str) -> None:
    summary = commit_message(message("asset.created", {"assetId": "a", "name": name}), "{summary}", "").split("\n")[0]
    assert summary.replace("\N{WORD JOINER}", "") == f"Add a: {name}", "people read it as it is"
    assert not re.search(r"[#!@]\w|GH-\d|://|\[\w", summary)


def test_commits_are_an_integrations_own_if_all_carry_its_trailer() -> None:
    own = {"message": commit_message(CREATED, DEFAULT_COMMIT_MESSAGE, INTEGRATION)}
    assert are_own([own, own], INTEGRATION)
    assert are_own([{"message": own["message"].replace("\n", "\r\n")}], INTEGRATION)
    for others in ([], [own, {"message": "Fix the build"}], [{"message": f"> {own['message'].splitlines()[-1]}"}], [1]):
        assert not are_own(others, INTEGRATION)
    assert not are_own([own], INTEGRATION[:-1] + "b")
    assert not are_own([{"message": "Invenicum-Integration: "}], "")


@each_platform
@pytest.mark.parametrize(
    ("prefix", "path"),
    [
        ("assets", "assets/a.json"),
        ("assets/", "assets/a.json"),
        ("/x/y", "x/y/a.json"),
        ("", "a.json"),
        ("/", "a.json"),
    ],
)
def test_a_path_prefix_is_a_folder(connector: Any, prefix: str, path: str) -> None:
    config = connector.Config.parse({**EXAMPLES[connector.type], "pathPrefix": prefix})
    assert connector().path("a.json", config) == path

"""Repositories and branches that GitHub does not let us write to, in its own words; and those that it does."""

from typing import Any

import pytest

from integrations.connectors.github import GitHub
from integrations.core.errors import AuthFailed, InvalidConfig, Rejected
from integrations.egress.curl import run_flow
from invenicum.events.message import Message
from tests.fakes.github import FakeGitHub
from tests.fakes.http_server import json_answer
from tests.flows import CREATED, DELETED, UPDATED, json_response, play
from tests.integrations.connectors.test_github import PATH, config, error_answer

EVENTS = pytest.mark.parametrize("event", [CREATED, UPDATED, DELETED], ids=lambda event: event.name)
# Answers to commits that others have got; their threads are linked in the connector's errors.
RULES = [
    (409, "Could not update file: 4 of 4 required status checks are expected."),
    (409, 'Could not create file: Required status check "continuous-integration/travis-ci" is expected.'),
    (
        409,
        "Could not update file: 2 of 2 required status checks are expected. Changes must be made through a pull"
        " request.",
    ),
    (409, "Could not create file: At least 1 approving review is required by reviewers with write access."),
    (409, "Could not create file: Changes must be made through the merge queue"),
    (409, "Repository rule violations found\n\nChanges must be made through a pull request.\n\n"),
    (403, "You're not authorized to push to this branch."),
    (422, "Could not create file: Commits must have verified signatures."),
]


def said(fake: FakeGitHub, event: Message = CREATED, **more: Any) -> InvalidConfig:
    """The error of a delivery, which is the target's fault."""
    with pytest.raises(InvalidConfig) as caught:
        run_flow(GitHub({"apiUrl": fake.url}).deliver(event, config(**more), 0))
    assert caught.value.fault == "target"
    return caught.value


@pytest.mark.parametrize(("status", "text"), RULES)
def test_a_rule_of_the_branch_is_explained_and_not_taken_for_a_conflict(status: int, text: str) -> None:
    with FakeGitHub() as fake:
        fake.refusal = json_answer(status, {"message": text})
        error = said(fake)
        assert " ".join(text.split()) in error.message
        assert "let the token's owner bypass it, choose another branch, or turn pullRequest on." in error.message
        assert list(error.details) == ["branch"]
        assert len([request for request in fake.requests if request.method == "PUT"]) == 1


def test_a_document_that_looks_like_a_secret_ends_that_delivery_only() -> None:
    refusal = error_answer(409, "Repository rule violations found\n\nSecret detected in content\n\n")
    with pytest.raises(Rejected, match="takes a text in the asset for a secret"):
        play(GitHub().deliver(CREATED, config(), 0), error_answer(404, "Not Found"), refusal)


def test_single_sign_on_is_not_taken_for_a_protected_branch() -> None:
    text = (
        "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to"
        " this organization."
    )
    with pytest.raises(AuthFailed, match="SAML enforcement"):
        play(GitHub().test(config()), error_answer(403, text))


def test_an_archived_repository_is_named() -> None:
    with FakeGitHub() as fake:
        fake.refusal = json_answer(403, {"message": "Repository was archived so is read-only."})
        assert "is archived" in said(fake).message


@EVENTS
def test_a_renamed_repository_is_named_with_its_new_name(event: Message) -> None:
    with FakeGitHub() as fake:
        fake.full_name = "new-org/stock"
        expected = "my-org/asset-repo was renamed or moved and is now new-org/stock: give its new name."
        error = said(fake, event)
        assert error.message == expected
        assert list(error.details) == ["organization", "repository"]
        with pytest.raises(InvalidConfig, match="is now new-org/stock"):
            run_flow(GitHub({"apiUrl": fake.url}).test(config()))


def test_a_write_that_is_redirected_is_explained_too() -> None:
    # octokit's recording answers PATCH with 307
    location = {"location": "https://api.github.com/repositories/1000/contents/x"}
    facts = json_response(200, {"full_name": "new-org/stock"})
    flow = GitHub().deliver(CREATED, config(), 0)
    with pytest.raises(InvalidConfig, match="is now new-org/stock"):
        play(flow, error_answer(404, "Not Found"), error_answer(307, "Moved Permanently", **location), facts)


@pytest.mark.parametrize(
    "location",
    [
        "",
        "https://elsewhere.example/repositories/1000",
        "http://api.github.com/repositories/1",
        "https://[/repositories/1",
    ],
)
def test_the_token_does_not_follow_a_redirect_to_another_server(location: str) -> None:
    with pytest.raises(InvalidConfig, match="was renamed or moved: give its new name"):
        play(GitHub().test(config()), error_answer(301, "Moved Permanently", location=location))


@EVENTS
def test_a_renamed_branch_is_named_with_its_new_name(event: Message) -> None:
    with FakeGitHub() as fake:
        fake.branch, fake.old_branches = "trunk", {"main"}
        expected = "Branch main of my-org/asset-repo was renamed to trunk: give the new name."
        assert said(fake, event).message == expected
        with pytest.raises(InvalidConfig, match="renamed to trunk") as caught:
            run_flow(GitHub({"apiUrl": fake.url}).test(config()))
        assert list(caught.value.details) == ["branch"]


@EVENTS
def test_a_repository_that_is_gone_loses_no_event(event: Message) -> None:
    with FakeGitHub() as fake:
        assert "no repository my-org/gone" in said(fake, event, repository="gone").message


def test_the_test_suggests_the_default_branch() -> None:
    with FakeGitHub() as fake:
        fake.branch = "trunk"
        with pytest.raises(InvalidConfig, match="has no branch main: choose another, such as its default branch trunk"):
            run_flow(GitHub({"apiUrl": fake.url}).test(config()))
        result = run_flow(GitHub({"apiUrl": fake.url}).test(config(branch="trunk")))
        assert result.metadata["defaultBranch"] == "trunk"


def test_an_empty_repository_gets_its_branch_with_the_first_asset() -> None:
    with FakeGitHub() as fake:
        fake.is_empty = True
        github = GitHub({"apiUrl": fake.url})
        assert run_flow(github.test(config())).metadata["empty"] is True
        run_flow(github.deliver(DELETED, config(), 0))
        assert fake.is_empty, "there is nothing to remove"
        run_flow(github.deliver(CREATED, config(), 0))
        assert list(fake.files) == [PATH]
        assert run_flow(github.test(config())).metadata["empty"] is False


@pytest.mark.parametrize("scopes", [None, "", " "])
def test_a_blank_list_of_scopes_says_nothing_about_the_token(scopes: str | None) -> None:
    with FakeGitHub() as fake:
        fake.scopes = scopes
        assert run_flow(GitHub({"apiUrl": fake.url}).test(config())).metadata["repository"] == "my-org/asset-repo"
        fake.scopes = "admin:repo_hook, gist"
        with pytest.raises(AuthFailed, match="not write to it"):
            run_flow(GitHub({"apiUrl": fake.url}).test(config()))

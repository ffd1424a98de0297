"""What happened to several assets is one commit on each Git platform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from integrations import services
from integrations.core.errors import ConnectionFailed, InvalidConfig, Rejected
from integrations.egress.curl import run_flow
from integrations.families.documents import MAX_CONFLICT_ATTEMPTS
from integrations.families.git_commits import DEFAULT_COMMIT_MESSAGE, are_own, group_message
from invenicum.accounts.models import User
from invenicum.events.message import Message
from invenicum.events.publish import Draft, publish_many
from tests.fakes.github import TOKEN, FakeGitHub
from tests.fakes.http_server import json_answer
from tests.flows import CREATED, DELETED, UPDATED, message
from tests.integrations.connectors.test_git_pull_requests import INTEGRATION, Place, each_platform, place
from tests.integrations.connectors.test_github import PATH
from webhooks.engine.worker import drain
from webhooks.models import Delivery


def created(asset: str, **data: Any) -> Message:
    return replace(message("asset.created", {"assetId": asset, **data}), id=f"evt_{asset}")


def removed(asset: str) -> Message:
    return message("asset.deleted", {"assetId": asset})


def direct(at: Place) -> Any:
    return at.config.model_copy(update={"pull_request": False})


def deliver(at: Place, events: Sequence[Message], config: Any = None) -> list[Any]:
    return list(run_flow(at.connector.deliver_many(events, config or direct(at), 0)))


def writes(at: Place) -> int:
    return len(at.fake.commits)


@each_platform
def test_changes_of_several_assets_are_one_commit(kind: str) -> None:
    with place(kind) as at:
        at.fake.files = {"assets/old.json": b"{}", "assets/kept.json": b"{}", "README.md": b"hello"}
        assert deliver(at, [created("a"), created("b", name="Käse 🧀"), removed("old"), UPDATED]) == [None] * 4
        assert writes(at) == 1
        assert set(at.fake.files) == {"assets/a.json", "assets/b.json", PATH, "assets/kept.json", "README.md"}
        assert "Käse 🧀" in at.fake.files["assets/b.json"].decode()
        assert b"Hero Image.jpg" in at.fake.files[PATH]
        (said,) = at.fake.commits
        assert said.startswith("Update 4 assets: a, b, old, asset-123 [skip ci]\n\nInvenicum-Event: evt_a\n")
        assert said.endswith(f"Invenicum-Integration: {INTEGRATION}")


@each_platform
def test_several_files_are_removed_in_one_commit(kind: str) -> None:
    with place(kind) as at:
        at.fake.files = {f"assets/{name}.json": b"{}" for name in "abcd"}
        deliver(at, [removed("a"), removed("b"), removed("absent"), removed("c")])
        assert (writes(at), set(at.fake.files)) == (1, {"assets/d.json"})
        assert at.fake.commits[0].startswith("Remove 3 assets: a, b, c")


@each_platform
def test_what_would_not_change_is_left_out_and_the_last_state_of_an_asset_counts(kind: str) -> None:
    with place(kind) as at:
        deliver(at, [created("a", name="A"), created("b")])
        before = dict(at.fake.files)
        assert deliver(at, [created("a", name="A"), created("b")]) == [None, None]
        assert (writes(at), at.fake.files) == (1, before)
        assert deliver(at, [created("a", name="changed"), removed("a"), created("c"), removed("never")]) == [None] * 4
        assert set(at.fake.files) == {"assets/b.json", "assets/c.json"}
        assert deliver(at, [UPDATED, DELETED]) == [None, None]
        assert writes(at) == 2, "what is created and removed again needs no commit"
        assert deliver(at, [CREATED, UPDATED]) == [None, None]
        assert b"Hero Image.jpg" in at.fake.files[PATH]
        assert at.fake.commits[-1].startswith("Update asset-123"), "one asset has its own message"


@each_platform
def test_a_branch_that_changes_meanwhile_is_read_again(kind: str) -> None:
    with place(kind) as at:
        at.fake.files = {PATH: b'{"assetId": "asset-123", "tags": ["draft"]}'}

        def meanwhile() -> None:
            at.fake.files[PATH] = b'{"assetId": "asset-123", "tags": ["draft", "new"]}'
            at.fake.commits.append("by hand")

        at.fake.before_write = [meanwhile]
        assert deliver(at, [created("a"), UPDATED]) == [None, None]
        assert '"new"' in at.fake.files[PATH].decode(), "nothing of the other change is lost"
        assert set(at.fake.files) == {"assets/a.json", PATH}


@each_platform
def test_a_branch_that_never_rests_fails_the_attempt(kind: str) -> None:
    with place(kind) as at:
        at.fake.files = {PATH: b'{"assetId": "asset-123"}'}

        def meanwhile() -> None:
            at.fake.files[PATH] += b" "
            at.fake.commits.append("by hand")

        at.fake.before_write = [meanwhile] * MAX_CONFLICT_ATTEMPTS
        with pytest.raises(ConnectionFailed, match="keeps changing"):
            deliver(at, [created("a"), UPDATED])
        assert "assets/a.json" not in at.fake.files


@each_platform
def test_an_event_that_cannot_be_written_fails_alone(kind: str) -> None:
    with place(kind) as at:
        ends = deliver(at, [created("a"), created("../b"), created("c", text="x" * 50_000), created("d")])
        assert [type(end) for end in ends] == [type(None), Rejected, Rejected, type(None)]
        assert (writes(at), set(at.fake.files)) == (1, {"assets/a.json", "assets/d.json"})


@each_platform
def test_the_branch_of_an_empty_repository_is_made(kind: str) -> None:
    with place(kind) as at:
        at.fake.is_empty = True
        assert deliver(at, [created("a"), created("b")]) == [None, None]
        assert set(at.fake.files) == {"assets/a.json", "assets/b.json"}


@each_platform
def test_several_changes_go_into_one_commit_of_a_pull_request(kind: str) -> None:
    with place(kind) as at:
        assert deliver(at, [created("a"), created("b")], at.config) == [None, None]
        assert deliver(at, [created("c"), removed("a")], at.config) == [None, None]
        assert at.fake.files == {}, "the branch itself is left alone"
        assert set(at.proposed) == {"assets/b.json", "assets/c.json"}
        assert (len(at.open), writes(at)) == (1, 2)


def test_a_rule_and_a_secret_are_told_of_a_commit_of_several_too() -> None:
    with place("github") as at:
        at.fake.refusal = json_answer(422, {"message": 'Required status check "ci" is expected.'})
        with pytest.raises(InvalidConfig, match="A rule of branch main"):
            deliver(at, [created("a"), created("b")])
        at.fake.refusal = json_answer(422, {"message": "Secret detected in content"})
        with pytest.raises(Rejected):  # of one of them: each is then committed alone
            deliver(at, [created("a"), created("b")])


def test_a_branch_of_github_that_is_deleted_during_a_commit_of_several_is_named() -> None:
    # https://github.com/solana-foundation/solana-developer-platform/pull/602: 422 Reference does not exist
    with place("github") as at:
        at.fake.before_write = [lambda: setattr(at.fake, "branch", "trunk")]
        with pytest.raises(InvalidConfig, match="my-org/asset-repo has no branch main") as caught:
            deliver(at, [created("a"), created("b")])
        assert caught.value.details == {"branch": ["does not exist"]}


def test_a_file_of_github_that_came_after_the_branch_was_read_is_removed_at_the_next_try() -> None:
    # https://docs.github.com/en/rest/git/trees#create-a-tree: deleting what the tree does not have is an error. In the
    # words of https://github.com/google/go-github/issues/2418: 422 GitRPC::BadObjectState
    with place("github") as at:
        at.fake.files = {"assets/a.json": b"{}"}
        at.fake.after_branch = [lambda: at.fake.files.update({"assets/b.json": b"{}"})]
        assert deliver(at, [removed("a"), removed("b")]) == [None, None]
        assert at.fake.files == {}


@each_platform
def test_a_pull_request_that_is_closed_during_its_commit_is_opened_again_with_all_changes(kind: str) -> None:
    def close() -> None:
        at.fake.other_branches.clear()
        at.open.clear()

    with place(kind) as at:
        deliver(at, [created("a"), created("b")], at.config)
        at.fake.before_write = [close]
        assert deliver(at, [created("c"), created("d")], at.config) == [None, None]
        assert {"assets/c.json", "assets/d.json"} <= set(at.proposed)
        assert len(at.open) == 1


def test_the_message_of_a_commit_of_several_lists_a_few_and_is_recognised_as_ours() -> None:
    events = [created(f"asset-{number}", name=f"Fixes #{number}") for number in range(7)]
    said = group_message(events, DEFAULT_COMMIT_MESSAGE, INTEGRATION)
    assert said.split("\n")[0] == "Add 7 assets: asset-0, asset-1, asset-2, asset-3, asset-4, … [skip ci]"
    assert said.count("Invenicum-Event: ") == 7
    assert are_own([{"message": said}], INTEGRATION)
    template = "{action} {assetId} ({name}) {event}"
    said = group_message([created("a", name="A #1"), removed("b")], template, "").split("\n")[0]
    assert said.replace("\N{WORD JOINER}", "") == "Update a, b (A #1) asset.created, asset.deleted"
    assert "#1" not in said, "no name closes an issue"


def test_a_flood_of_changes_is_few_commits_and_each_asset_ends_as_it_is(alice: User, settings: Any) -> None:
    with FakeGitHub() as fake:
        settings.PROVIDER_ENDPOINTS = {"github": {"apiUrl": fake.url}}
        config = {"apiKey": TOKEN, "organization": "my-org", "repository": "asset-repo"}
        services.save_integration(alice, "github", config)
        names = [f"asset-{number}" for number in range(60)]
        publish_many([Draft(alice, "asset.created", {"assetId": name, "step": 1}) for name in names])
        publish_many([Draft(alice, "asset.created", {"assetId": name, "step": 2}) for name in names])
        publish_many([Draft(alice, "asset.deleted", {"assetId": name}) for name in names[:20]])
        drain()
        assert set(fake.files) == {f"assets/{name}.json" for name in names[20:]}
        assert all(b'"step": 2' in content for content in fake.files.values())
        assert len(fake.commits) < 40
    assert set(Delivery.objects.values_list("status", "attempt_count")) == {(Delivery.Status.DELIVERED, 1)}

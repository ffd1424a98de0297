"""Pull-request mode: nothing is committed to the branch itself, and a pull request is open while changes wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from integrations.connectors.bitbucket import Bitbucket
from integrations.connectors.github import GitHub
from integrations.connectors.gitlab import GitLab
from integrations.core.errors import AuthFailed, ConnectionFailed, InvalidConfig
from integrations.egress.curl import run_flow
from invenicum.events.message import Message
from tests.fakes.bitbucket import FakeBitbucket
from tests.fakes.github import FakeGitHub
from tests.fakes.gitlab import FakeGitLab
from tests.flows import CREATED, DELETED, UPDATED, json_response, play, text_response
from tests.integrations.connectors import test_bitbucket, test_github, test_gitlab
from tests.integrations.connectors.test_github import PATH

INTEGRATION = "0199c0de-0000-7000-8000-00000000000a"
WORK = f"invenicum-{INTEGRATION}"


class Place:
    def __init__(self, connector: Any, fake: Any, config: Any):
        self.connector, self.fake = connector({"apiUrl": fake.url}), fake
        self.config = config(pullRequest=True).model_copy(update={"integration_id": INTEGRATION})

    def deliver(self, event: Message) -> None:
        run_flow(self.connector.deliver(event, self.config, 0))

    @property
    def open(self) -> list[dict[str, Any]]:
        for name in ("pulls", "merge_requests", "pull_requests"):
            if hasattr(self.fake, name):
                found: list[dict[str, Any]] = getattr(self.fake, name)
        return found

    @property
    def proposed(self) -> dict[str, bytes]:
        files: dict[str, bytes] = self.fake.other_branches[WORK]
        return files


@contextmanager
def place(kind: str) -> Iterator[Place]:
    kinds: dict[str, tuple[Any, Any, Any]] = {
        "github": (GitHub, FakeGitHub, test_github.config),
        "gitlab": (GitLab, FakeGitLab, test_gitlab.config),
        "bitbucket": (Bitbucket, FakeBitbucket, test_bitbucket.config),
    }
    connector, server, config = kinds[kind]
    with server() as fake:
        fake.can_push = fake.can_write = True
        fake.scopes = {"github": None, "gitlab": ["api"], "bitbucket": "pullrequest:write, repository:write"}[kind]
        yield Place(connector, fake, config)


each_platform = pytest.mark.parametrize("kind", ["github", "gitlab", "bitbucket"])


@each_platform
def test_changes_are_collected_in_one_pull_request(kind: str) -> None:
    with place(kind) as at:
        run_flow(at.connector.test(at.config))
        assert at.open == [], "a test leaves nothing behind"
        at.deliver(CREATED)
        at.deliver(UPDATED)
        assert at.fake.files == {}, "the branch itself is left alone"
        assert b"Hero Image.jpg" in at.proposed[PATH]
        assert len(at.open) == 1
        assert "[skip ci]" not in "".join(at.fake.commits), "required checks would never run"


@each_platform
def test_after_a_merge_the_next_change_opens_another_pull_request(kind: str) -> None:
    with place(kind) as at:
        at.deliver(CREATED)
        at.fake.merge()
        assert PATH in at.fake.files
        at.deliver(CREATED)
        assert at.open == [], "nothing has changed"
        at.fake.files["README.md"] = b"from somebody else"
        at.deliver(DELETED)
        assert len(at.open) == 1
        assert at.proposed == {"README.md": b"from somebody else"}, "it begins at the tip of the branch"


@each_platform
def test_a_pull_request_that_is_merged_during_a_commit_loses_nothing(kind: str) -> None:
    with place(kind) as at:
        at.deliver(CREATED)
        at.fake.before_write = [at.fake.merge]
        at.deliver(UPDATED)
        assert b"Hero Image.jpg" in at.proposed[PATH]
        assert len(at.open) == 1


@each_platform
def test_the_branch_of_an_open_pull_request_that_was_deleted_is_made_again(kind: str) -> None:
    # GitLab leaves the merge request open ("Please restore it or use a different source branch"):
    # https://gitlab.com/gitlab-org/gitlab/-/blob/master/app/assets/javascripts/vue_merge_request_widget/components/states/mr_widget_missing_branch.vue
    with place(kind) as at:
        at.deliver(CREATED)
        at.fake.other_branches.clear()
        at.deliver(CREATED)
        assert PATH in at.proposed
        assert len(at.open) == 1


@each_platform
def test_the_first_commit_to_an_empty_repository_is_made_to_the_branch_itself(kind: str) -> None:
    with place(kind) as at:
        at.fake.is_empty = True
        at.deliver(CREATED)
        assert list(at.fake.files) == [PATH]
        assert at.open == []


def test_a_token_that_may_not_open_pull_requests_is_named_by_the_test() -> None:
    with place("bitbucket") as at:
        at.fake.scopes = "repository:write"
        with pytest.raises(AuthFailed, match="Pull requests: write"):
            run_flow(at.connector.test(at.config))
        with pytest.raises(AuthFailed, match=r"may not manage pull requests.*Pull requests: write"):
            at.deliver(CREATED)
    with place("github") as at:
        forbidden = json_response(403, {"message": "Resource not accessible by personal access token"})
        answers = json_response(200, {}), json_response(200, {}), json_response(201, {}), forbidden
        with pytest.raises(AuthFailed, match="Pull requests: read and write"):
            play(GitHub().test(at.config), *answers)


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        # https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets
        ("github", 422, {"message": "Repository rule violations found\n\nCannot create ref due to creations"}),
        # https://jira.atlassian.com/browse/BCLOUD-20121
        ("bitbucket", 403, {"error": {"message": "You are not", "data": {"key": "BRANCH_PERMISSION_VIOLATED"}}}),
    ],
)
def test_a_rule_against_the_branch_of_the_pull_request_names_that_branch(
    kind: str, status: int, body: dict[str, Any]
) -> None:
    tip = {"commit": {"sha": "c0ffee"}, "target": {"hash": "c0ffee"}}
    none_open = {"github": json_response(200, []), "bitbucket": json_response(200, {"values": []})}[kind]
    removed = [json_response(404, {})] if kind == "bitbucket" else []
    answers = none_open, json_response(200, tip), *removed, json_response(status, body)
    with place(kind) as at, pytest.raises(InvalidConfig, match=f"A rule of branch {WORK} ") as caught:
        play(at.connector.deliver(CREATED, at.config, 0), *answers)
    assert "turn pullRequest on" not in caught.value.message


@each_platform
def test_a_list_of_pull_requests_that_is_cut_off_is_not_taken_for_none(kind: str) -> None:
    with place(kind) as at, pytest.raises(ConnectionFailed, match="not JSON"):
        play(at.connector.deliver(CREATED, at.config, 0), text_response(200, '[{"body": "xxx'))


def test_a_branch_that_may_not_be_pushed_to_does_not_fail_the_test_of_this_mode() -> None:
    with place("gitlab") as at:
        at.fake.can_push = False
        run_flow(at.connector.test(at.config))
        at.deliver(CREATED)
        assert len(at.open) == 1

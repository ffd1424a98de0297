from typing import Any

import pytest

from integrations.connectors.gitlab import GitLab
from integrations.core.errors import (
    AuthFailed,
    ConnectionFailed,
    IntegrationError,
    InvalidConfig,
    RateLimited,
    Rejected,
)
from integrations.core.http import Response
from integrations.egress.curl import run_flow
from integrations.families.documents import Conflict
from integrations.families.git import NoBranch
from invenicum.events.message import Message
from tests.fakes.gitlab import TOKEN, FakeGitLab
from tests.flows import CREATED, DELETED, PING, UPDATED, json_response, play, text_response

CONFIG = {"apiKey": TOKEN, "project": "my-group/asset-repo"}
HOOK = "https://api.invenicum.com/webhooks/gitlab"
SIGNING_TOKEN = "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q="
PATH = "assets/asset-123.json"


def config(**more: Any) -> GitLab.Config:
    return GitLab.Config.parse({**CONFIG, **more})


def saved(**more: Any) -> GitLab.Config:
    """As it is loaded for a saved integration."""
    return config(**more).model_copy(update={"integration_id": "0199c0de-0000-7000-8000-00000000000a"})


def said(status: int, text: object, **headers: str) -> Response:
    return json_response(status, {"message": text}, **headers)


@pytest.mark.parametrize("project", ["asset-repo", "my group/repo", "/my-group/repo", "group/-repo"])
def test_a_project_is_a_full_path_or_a_number(project: str) -> None:
    assert config(project="123").project == "123"
    with pytest.raises(InvalidConfig, match="my-group/asset-repo"):
        config(project=project)


def test_an_unknown_event_is_refused_with_an_example_of_a_known_one() -> None:
    with pytest.raises(InvalidConfig) as caught:
        config(events=["push"])
    assert caught.value.details == {
        "events": ["0: must be the name of a GitLab webhook event, for example push_events"]
    }


def test_a_self_managed_server_is_reached_below_its_path() -> None:
    url = GitLab().repository_url(config(baseUrl="https://example.com/gitlab/"))
    assert url == "https://example.com/gitlab/api/v4/projects/my-group%2Fasset-repo"


def test_a_signing_token_makes_a_secret_unnecessary() -> None:
    assert GitLab().generated_secrets(config(webhookUrl=HOOK, webhookSigningToken=SIGNING_TOKEN)) == {}
    assert "webhookSecret" in GitLab().generated_secrets(config(webhookUrl=HOOK))
    payload = GitLab().hook_payload(config(webhookUrl=HOOK, webhookSigningToken=SIGNING_TOKEN))
    assert payload["signing_token"] == SIGNING_TOKEN
    assert "token" not in payload


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (said(401, "401 Unauthorized"), AuthFailed, "refused the token"),
        (json_response(403, {"error": "insufficient_scope"}), AuthFailed, "needs the scope api"),
        (said(404, "404 Project Not Found"), InvalidConfig, "no project my-group/asset-repo"),
        (json_response(200, {"archived": True}), InvalidConfig, "archived"),
        (text_response(429, "Retry later", retry_after="17"), RateLimited, "slow down"),
        (text_response(502, "<html>GitLab is not responding"), ConnectionFailed, "502"),
        (text_response(200, "<html>"), ConnectionFailed, "not JSON"),
    ],
)
def test_each_refusal_of_the_project_has_its_error(answer: Response, error: type[IntegrationError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        play(GitLab().test(config()), answer)
    assert type(caught.value) is error
    assert TOKEN not in caught.value.message


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (said(400, "You are not allowed to push into this branch"), AuthFailed),
        (said(400, "You can only create or edit files when you are on a branch"), NoBranch),
        (said(400, {"branch": ["is odd"]}), InvalidConfig),
        (said(404, "404 Branch Not Found"), NoBranch),
        (text_response(500), ConnectionFailed),
    ],
)
def test_each_refusal_of_a_commit_has_its_error(answer: Response, error: type[IntegrationError]) -> None:
    with pytest.raises(error) as caught:
        play(GitLab().deliver(CREATED, config(), 0), said(404, "404 File Not Found"), answer)
    assert type(caught.value) is error


def test_a_missing_branch_is_not_taken_for_a_missing_file() -> None:
    answers = said(404, "404 Commit Not Found"), said(404, "404 Branch Not Found"), json_response(200, {"id": 7})
    with pytest.raises(InvalidConfig, match="no branch main"):
        play(GitLab().deliver(CREATED, config(), 0), *answers)


def test_after_repeated_conflicts_the_delivery_is_retried_later() -> None:
    answers = [said(404, "404 File Not Found"), said(400, "A file with this name already exists")] * 3
    with pytest.raises(Conflict) as caught:
        play(GitLab().deliver(CREATED, config(), 0), *answers)
    assert caught.value.fault == "service"


def test_an_asset_is_committed_changed_and_removed() -> None:
    with FakeGitLab() as fake:
        gitlab = GitLab({"apiUrl": fake.url})
        result = run_flow(gitlab.test(config(webhookUrl=HOOK)))
        assert result.message == "Successfully connected to GitLab project my-group/asset-repo"
        run_flow(gitlab.deliver(PING, config(), 0))
        run_flow(gitlab.deliver(CREATED, config(), 0))
        run_flow(gitlab.deliver(CREATED, config(), 0))
        run_flow(gitlab.deliver(UPDATED, config(), 0))
        assert b'"name": "Hero Image.jpg"' in fake.files[PATH]
        run_flow(gitlab.deliver(DELETED, config(), 0))
        run_flow(gitlab.deliver(DELETED, config(), 0))
        assert fake.files == {}
        assert len(fake.commits) == 3


def test_a_file_that_changes_during_the_flow_is_read_again() -> None:
    with FakeGitLab() as fake:
        fake.before_write = [lambda: fake.files.update({PATH: b'{"assetId": "asset-123", "tags": ["draft", "new"]}'})]
        run_flow(GitLab({"apiUrl": fake.url}).deliver(UPDATED, config(), 0))
        assert b'"new"' in fake.files[PATH]
        assert b"draft" not in fake.files[PATH]


def test_the_test_finds_a_token_that_may_not_write() -> None:
    with FakeGitLab() as fake:
        gitlab = GitLab({"apiUrl": fake.url})
        with pytest.raises(InvalidConfig, match="no branch develop"):
            run_flow(gitlab.test(config(branch="develop")))
        fake.scopes = ["read_api"]
        with pytest.raises(AuthFailed, match="scope api"):
            run_flow(gitlab.test(config()))
        fake.can_push = False
        with pytest.raises(AuthFailed, match="may not push to branch main"):
            run_flow(gitlab.test(config()))


def test_the_hook_follows_the_configuration() -> None:
    with FakeGitLab() as fake:
        gitlab = GitLab({"apiUrl": fake.url})
        wanted = {"webhookUrl": HOOK, "webhookSecret": "s3cret-one"}
        state = run_flow(gitlab.on_save(saved(**wanted), {}))
        hook = fake.hooks[int(state["hookId"])]
        assert (hook["token"], hook["push_events"], hook["issues_events"]) == ("s3cret-one", True, False)
        run_flow(gitlab.on_save(saved(**wanted, events=["issues_events"]), state))
        assert (hook["push_events"], hook["issues_events"]) == (False, True)
        assert run_flow(gitlab.on_save(saved(**wanted), {})) == state, "an answer that was lost makes no second hook"
        run_flow(gitlab.on_delete(saved(**wanted), state))
        run_flow(gitlab.on_delete(saved(**wanted), state))
        assert fake.hooks == {}


def test_a_role_that_may_not_register_hooks_gets_the_name_of_one_that_may() -> None:
    answers = [json_response(200, {}), json_response(200, {"can_push": True}), json_response(200, {"scopes": ["api"]})]
    with pytest.raises(AuthFailed, match="role Maintainer"):
        play(GitLab().test(config(webhookUrl=HOOK)), *answers, said(403, "403 Forbidden"))


def test_a_fine_grained_token_shows_what_it_may_when_it_is_used() -> None:
    # https://docs.gitlab.com/auth/tokens/fine_grained_access_tokens/: it has no classic scopes
    with FakeGitLab() as fake:
        fake.scopes = ["granular"]
        assert run_flow(GitLab({"apiUrl": fake.url}).test(config())).metadata["projectId"] == 7
    lacks = {
        "error": "insufficient_granular_scope",
        "error_description": "Access denied: Your Personal Access Token lacks the required permissions: [create_commit]"
        ' for "my-group/asset-repo".',
    }
    with pytest.raises(AuthFailed, match=r"lacks the required permissions: \[create_commit\].*Commit: Create"):
        play(GitLab().deliver(CREATED, config(), 0), said(404, "404 File Not Found"), json_response(403, lacks))


@pytest.mark.parametrize("event", [CREATED, UPDATED, DELETED], ids=lambda event: event.name)
def test_a_moved_project_is_named_with_its_new_path(event: Message) -> None:
    with FakeGitLab() as fake:
        fake.path = "new-group/stock"
        gitlab = GitLab({"apiUrl": fake.url})
        for flow in (gitlab.deliver(event, config(), 0), gitlab.test(config())):
            with pytest.raises(InvalidConfig) as caught:
                run_flow(flow)
            expected = "my-group/asset-repo was renamed or moved and is now new-group/stock: give its new name."
            assert (caught.value.message, list(caught.value.details)) == (expected, ["project"])


def test_a_commit_to_a_moved_project_is_explained() -> None:
    moved = said(405, "Non GET methods are not allowed for moved projects")
    with pytest.raises(InvalidConfig, match="give its new path, or its number"):
        play(GitLab().deliver(CREATED, config(), 0), said(404, "404 File Not Found"), moved)


def test_an_empty_project_gets_its_branch_with_the_first_asset() -> None:
    with FakeGitLab() as fake:
        fake.is_empty = True
        gitlab = GitLab({"apiUrl": fake.url})
        assert run_flow(gitlab.test(config())).metadata["empty"] is True
        run_flow(gitlab.deliver(DELETED, config(), 0))
        run_flow(gitlab.deliver(CREATED, config(), 0))
        assert list(fake.files) == [PATH]
        metadata = run_flow(gitlab.test(config())).metadata
        assert (metadata["empty"], metadata["defaultBranch"]) == (False, "main")


def test_a_document_that_looks_like_a_secret_ends_that_delivery_only() -> None:
    # https://docs.gitlab.com/user/application_security/secret_detection/secret_push_protection/
    blocked = said(400, "PUSH BLOCKED: Secrets detected in code changes")
    with pytest.raises(Rejected, match="takes a text in the asset for a secret"):
        play(GitLab().deliver(CREATED, config(), 0), said(404, "404 File Not Found"), blocked)

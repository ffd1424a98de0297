import base64
from typing import Any

import pytest

from integrations.connectors.bitbucket import Bitbucket
from integrations.core.errors import AuthFailed, ConnectionFailed, IntegrationError, InvalidConfig, RateLimited
from integrations.core.http import Response
from integrations.egress.curl import run_flow
from integrations.families.documents import Conflict
from tests.fakes.bitbucket import TOKEN, FakeBitbucket
from tests.flows import CREATED, DELETED, PING, UPDATED, json_response, play, text_response

CONFIG = {"apiKey": TOKEN, "workspace": "my-workspace", "repository": "asset-repo"}
HOOK = "https://api.invenicum.com/webhooks/bitbucket"
PATH = "assets/asset-123.json"
TIP = json_response(200, {"target": {"hash": "c0ffee"}})


def config(**more: Any) -> Bitbucket.Config:
    return Bitbucket.Config.parse({**CONFIG, **more})


def saved(**more: Any) -> Bitbucket.Config:
    """As it is loaded for a saved integration."""
    return config(**more).model_copy(update={"integration_id": "0199c0de-0000-7000-8000-00000000000a"})


def said(status: int, text: str, **headers: str) -> Response:
    return json_response(status, {"type": "error", "error": {"message": text}}, **headers)


def test_an_app_password_is_refused_before_bitbucket_does() -> None:
    with pytest.raises(InvalidConfig, match="not an app password"):
        config(apiKey="ATBBabcdefghijkl")


def test_an_api_token_goes_with_its_email_and_an_access_token_alone() -> None:
    basic = base64.b64encode(f"user@example.com:{TOKEN}".encode()).decode()
    assert Bitbucket().headers(config(email="user@example.com")) == {"Authorization": f"Basic {basic}"}
    assert Bitbucket().headers(config()) == {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (said(401, "Token is invalid"), AuthFailed, "needs your email"),
        (said(403, "Your credentials lack one or more scopes"), AuthFailed, "Repositories: write"),
        (said(404, "Repository not found"), InvalidConfig, "no repository my-workspace/asset-repo"),
        (json_response(200, {}, x_oauth_scopes="repository"), AuthFailed, "not write to it"),
        # https://developer.atlassian.com/cloud/bitbucket/rest/intro/#bitbucket-oauth-2-0-scopes: repository:admin "does
        # not implicitly grant the repository or the repository:write scopes"
        (json_response(200, {}, x_oauth_scopes="repository, repository:admin"), AuthFailed, "not write to it"),
        (json_response(200, {}, x_oauth_scopes="admin:repository:bitbucket"), AuthFailed, "not write to it"),
        (text_response(429, "Rate limit for this resource has been exceeded"), RateLimited, "slow down"),
        (text_response(503), ConnectionFailed, "503"),
    ],
)
def test_each_refusal_of_the_repository_has_its_error(
    answer: Response, error: type[IntegrationError], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        play(Bitbucket().test(config()), answer)
    assert type(caught.value) is error
    assert TOKEN not in caught.value.message


@pytest.mark.parametrize("odd", [text_response(200, "<html>"), json_response(200, {"target": None})])
def test_an_unexpected_branch_answer_is_a_failed_connection(odd: Response) -> None:
    with pytest.raises(ConnectionFailed):
        play(Bitbucket().deliver(CREATED, config(), 0), odd)


def test_after_repeated_conflicts_the_delivery_is_retried_later() -> None:
    answers = [TIP, said(404, "No such file"), said(409, "Parent is not the tip")] * 3
    with pytest.raises(Conflict) as caught:
        play(Bitbucket().deliver(CREATED, config(), 0), *answers)
    assert caught.value.fault == "service"


def test_a_refused_commit_is_not_retried() -> None:
    with pytest.raises(InvalidConfig, match="odd path"):
        play(Bitbucket().deliver(CREATED, config(), 0), TIP, said(404, "No such file"), said(400, "odd path"))


@pytest.mark.parametrize(
    ("message", "data"),
    [
        # https://jira.atlassian.com/browse/BCLOUD-20121
        (
            'You are not allowed to create a branch that matches the pattern "release/*".',
            {"key": "BRANCH_PERMISSION_VIOLATED"},
        ),
        # https://community.atlassian.com/t5/Bitbucket-questions/How-do-I-grant-write-access-to-restricted-brances-via-repo/qaq-p/2249496
        ("Permission denied to update branch main.", None),
    ],
)
@pytest.mark.parametrize("status", [400, 403])
def test_a_branch_with_restrictions_is_told_from_a_token_that_may_not_write(
    status: int, message: str, data: object
) -> None:
    refused = json_response(status, {"type": "error", "error": {"message": message, "data": data}})
    with pytest.raises(InvalidConfig, match=r"A rule of branch main .*choose another branch, or turn pullRequest") as e:
        play(Bitbucket().deliver(CREATED, config(), 0), TIP, said(404, "No such file"), refused)
    assert message in e.value.message
    assert e.value.details == {"branch": ["is protected"]}


def test_an_asset_is_committed_changed_and_removed() -> None:
    with FakeBitbucket() as fake:
        bitbucket = Bitbucket({"apiUrl": fake.url})
        result = run_flow(bitbucket.test(config(webhookUrl=HOOK)))
        assert result.metadata == {
            "repository": "my-workspace/asset-repo",
            "branch": "main",
            "defaultBranch": "main",
            "empty": False,
            "private": True,
        }
        run_flow(bitbucket.deliver(PING, config(), 0))
        run_flow(bitbucket.deliver(CREATED, config(), 0))
        run_flow(bitbucket.deliver(CREATED, config(), 0))
        run_flow(bitbucket.deliver(UPDATED, config(), 0))
        assert b'"name": "Hero Image.jpg"' in fake.files[PATH]
        run_flow(bitbucket.deliver(DELETED, config(), 0))
        run_flow(bitbucket.deliver(DELETED, config(), 0))
        assert fake.files == {}
        assert len(fake.commits) == 3


def test_an_empty_repository_gets_its_branch_with_the_first_asset() -> None:
    with FakeBitbucket() as fake:
        fake.is_empty = True
        bitbucket = Bitbucket({"apiUrl": fake.url})
        assert run_flow(bitbucket.test(config())).metadata["empty"] is True
        run_flow(bitbucket.deliver(DELETED, config(), 0))
        run_flow(bitbucket.deliver(CREATED, config(), 0))
        assert list(fake.files) == [PATH]
        assert run_flow(bitbucket.test(config())).metadata["empty"] is False


@pytest.mark.parametrize("event", ["issue:created", "issue:updated", "issue:comment_created"])
def test_events_of_the_retired_issues_are_refused(event: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        config(events=[event])
    assert list(caught.value.details) == ["events"]


def test_a_branch_that_moves_during_the_flow_is_read_again() -> None:
    with FakeBitbucket() as fake:
        fake.before_write = [lambda: fake.commits.append("somebody else's")]
        run_flow(Bitbucket({"apiUrl": fake.url}).deliver(CREATED, config(), 0))
        assert len(fake.commits) == 2


def test_a_missing_branch_is_named() -> None:
    with FakeBitbucket() as fake, pytest.raises(InvalidConfig, match=r"no branch release/1: .* default branch main"):
        run_flow(Bitbucket({"apiUrl": fake.url}).test(config(branch="release/1")))


def test_the_hook_follows_the_configuration() -> None:
    with FakeBitbucket() as fake:
        bitbucket = Bitbucket({"apiUrl": fake.url})
        wanted = {"webhookUrl": HOOK, "webhookSecret": "s3cret-one"}
        state = run_flow(bitbucket.on_save(saved(**wanted), {}))
        run_flow(bitbucket.on_save(saved(**wanted, events=["repo:fork"]), state))
        assert [(hook["secret"], hook["events"]) for hook in fake.hooks.values()] == [("s3cret-one", ["repo:fork"])]
        assert run_flow(bitbucket.on_save(saved(**wanted), {})) == state
        assert run_flow(bitbucket.on_save(saved(), state)) == {}
        assert fake.hooks == {}
        run_flow(bitbucket.on_delete(config(**wanted), state))

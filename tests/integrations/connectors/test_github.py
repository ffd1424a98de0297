import base64
import time
from typing import Any

import pytest

from integrations.connectors.github import GitHub
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
from invenicum.events.message import Message
from tests.fakes.github import TOKEN, FakeGitHub, blob_sha
from tests.flows import CREATED, DELETED, PING, REPORT, UPDATED, body_of, json_response, message, play, text_response

CONFIG = {"apiKey": TOKEN, "organization": "my-org", "repository": "asset-repo"}
HOOK = "https://api.invenicum.com/webhooks/github"
INTEGRATION = "0199c0de-0000-7000-8000-00000000000a"
PATH = "assets/asset-123.json"


def config(**more: Any) -> GitHub.Config:
    return GitHub.Config.parse({**CONFIG, **more})


def saved(**more: Any) -> GitHub.Config:
    """As it is loaded for a saved integration."""
    return config(**more).model_copy(update={"integration_id": INTEGRATION})


def file_answer(content: Any) -> Response:
    encoded = base64.encodebytes(content).decode()
    return json_response(200, {"type": "file", "sha": blob_sha(content), "content": encoded})


def error_answer(status: Any, said: Any, **headers: Any) -> Response:
    return json_response(status, {"message": said}, **headers)


def test_the_example_of_the_api_page_is_a_valid_configuration() -> None:
    parsed = config(webhookUrl=HOOK, webhookSecret="your-webhook-secret", events=["push", "pull_request", "release"])
    assert parsed.branch == "main"
    assert parsed.secrets() == {"apiKey": TOKEN, "webhookSecret": "your-webhook-secret"}


def test_a_connected_account_replaces_the_key() -> None:
    values = {key: value for key, value in CONFIG.items() if key != "apiKey"}
    with pytest.raises(InvalidConfig, match="apiKey: this field is required"):
        GitHub.Config.parse(values)
    connected = GitHub.Config.parse(values, connected=True).model_copy(update={"access_token": config().api_key})
    assert GitHub().headers(connected)["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("branch", ["-x", "a..b", "a b", "refs/heads/", "x.lock", "@", "a\\b"])
def test_a_branch_name_that_git_refuses_is_refused(branch: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        config(branch=branch)
    assert list(caught.value.details) == ["branch"]


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        (None, "https://api.github.com/repos/my-org/asset-repo"),
        ("https://github.example.com", "https://github.example.com/api/v3/repos/my-org/asset-repo"),
        ("https://github.example.com/api/v3/", "https://github.example.com/api/v3/repos/my-org/asset-repo"),
        ("https://api.acme.ghe.com", "https://api.acme.ghe.com/repos/my-org/asset-repo"),
        ("https://acme.ghe.com/", "https://api.acme.ghe.com/repos/my-org/asset-repo"),
        ("https://github.com", "https://api.github.com/repos/my-org/asset-repo"),
    ],
)
def test_enterprise_servers_are_reached_below_their_api(base_url: str | None, url: str) -> None:
    assert GitHub().repository_url(config(baseUrl=base_url)) == url


def test_only_asset_events_are_committed_and_only_if_wanted() -> None:
    assert GitHub().subscriptions(config()) == ("asset.created", "asset.updated", "asset.deleted")
    assert GitHub().subscriptions(config(syncAssets=False)) == ()
    assert play(GitHub().deliver(REPORT, config(), 0)) == (None, [])


def test_a_webhook_without_a_secret_is_given_one() -> None:
    assert GitHub().generated_secrets(config()) == {}
    assert GitHub().generated_secrets(config(webhookUrl=HOOK, webhookSecret="mine")) == {}
    made = GitHub().generated_secrets(config(webhookUrl=HOOK))
    assert made["webhookSecret"].startswith("whsec_")


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (error_answer(401, "Bad credentials"), AuthFailed, "refused the token"),
        (error_answer(403, "Resource not accessible by personal access token"), AuthFailed, "Contents: read and write"),
        (error_answer(404, "Not Found"), InvalidConfig, "no repository my-org/asset-repo"),
        (json_response(200, {"archived": True}), InvalidConfig, "archived"),
        (json_response(200, {"permissions": {"push": False}}), AuthFailed, "not write"),
        (json_response(200, {}, x_oauth_scopes="gist, admin:repo_hook"), AuthFailed, "the scope repo"),
        (error_answer(403, "You have exceeded a secondary rate limit", retry_after="42"), RateLimited, "slow down"),
        (error_answer(503, "Service unavailable"), ConnectionFailed, "503"),
        (text_response(302), ConnectionFailed, "redirect"),
        (text_response(200, "<html>"), ConnectionFailed, "not JSON"),
    ],
)
def test_each_refusal_of_the_repository_has_its_error(
    answer: Response, error: type[IntegrationError], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        play(GitHub().test(config()), answer)
    assert type(caught.value) is error
    assert TOKEN not in caught.value.message


def test_an_exhausted_limit_waits_until_it_is_reset() -> None:
    reset = str(int(time.time()) + 120)
    answer = error_answer(403, "API rate limit exceeded", x_ratelimit_remaining="0", x_ratelimit_reset=reset)
    with pytest.raises(RateLimited) as caught:
        play(GitHub().test(config()), answer)
    assert caught.value.retry_after is not None
    assert 100 < caught.value.retry_after <= 120


@pytest.mark.parametrize("status", [403, 429])
def test_a_secondary_limit_without_a_hint_waits_a_minute_and_not_for_the_reset_of_the_other_limit(status: int) -> None:
    # https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
    others = {"x_ratelimit_remaining": "4321", "x_ratelimit_reset": str(int(time.time()) + 3000)}
    with pytest.raises(RateLimited) as caught:
        play(GitHub().test(config()), error_answer(status, "You have exceeded a secondary rate limit", **others))
    assert caught.value.retry_after == 60


def test_an_unchanged_file_is_not_committed_again() -> None:
    _, (request,) = play(GitHub().deliver(CREATED, config(), 0), file_answer(_document()))
    assert request.url.endswith("/contents/assets/asset-123.json?ref=main")


def _document() -> bytes:
    _, (_, write) = play(GitHub().deliver(CREATED, config(), 0), error_answer(404, "Not Found"), json_response(201, {}))
    return base64.b64decode(body_of(write)["content"])


def test_after_repeated_conflicts_the_delivery_is_retried_later() -> None:
    round_of_answers = [error_answer(404, "Not Found"), error_answer(409, "is at 1 but expected 2")]
    with pytest.raises(Conflict) as caught:
        play(GitHub().deliver(CREATED, config(), 0), *round_of_answers * 3)
    assert caught.value.fault == "service"


def test_a_document_that_could_not_be_read_back_is_refused() -> None:
    large = message("asset.created", {"assetId": "a", "notes": "x" * 50_000})
    with pytest.raises(Rejected, match="too large for GitHub"):
        play(GitHub().deliver(large, config(), 0), error_answer(404, "Not Found"))


def test_an_asset_is_committed_changed_and_removed() -> None:
    with FakeGitHub() as fake:
        github = GitHub({"apiUrl": fake.url})
        assert run_flow(github.test(config(webhookUrl=HOOK))).metadata["private"] is True
        run_flow(github.deliver(PING, config(), 0))
        assert fake.commits == []
        run_flow(github.deliver(CREATED, config(), 0))
        run_flow(github.deliver(CREATED, config(), 0))
        run_flow(github.deliver(UPDATED, config(), 0))
        assert b'"name": "Hero Image.jpg"' in fake.files[PATH]
        run_flow(github.deliver(DELETED, config(), 0))
        run_flow(github.deliver(DELETED, config(), 0))
        assert fake.files == {}
        assert [commit.splitlines()[0] for commit in fake.commits] == [
            "Add asset-123: Product Photo.jpg [skip ci]",
            "Update asset-123 [skip ci]",
            "Remove asset-123: Deprecated Asset.jpg [skip ci]",
        ]


def test_a_file_that_changes_during_the_flow_is_read_again() -> None:
    with FakeGitHub() as fake:
        github = GitHub({"apiUrl": fake.url})
        fake.before_write = [lambda: fake.files.update({PATH: b'{"assetId": "asset-123", "tags": ["draft", "new"]}'})]
        run_flow(github.deliver(UPDATED, config(), 0))
        assert b'"new"' in fake.files[PATH]
        assert b"draft" not in fake.files[PATH]


def test_the_test_finds_a_token_that_may_only_read() -> None:
    with FakeGitHub() as fake:
        fake.can_write = False
        with pytest.raises(AuthFailed, match="Contents: read and write"):
            run_flow(GitHub({"apiUrl": fake.url}).test(config()))
        with pytest.raises(InvalidConfig, match="no branch develop"):
            run_flow(GitHub({"apiUrl": fake.url}).test(config(branch="develop")))


@pytest.mark.parametrize("event", [CREATED, UPDATED, DELETED])
def test_a_missing_branch_is_named_and_nothing_counts_as_delivered(event: Message) -> None:
    with FakeGitHub() as fake, pytest.raises(InvalidConfig, match="no branch develop") as caught:
        run_flow(GitHub({"apiUrl": fake.url}).deliver(event, config(branch="develop"), 0))
    assert list(caught.value.details) == ["branch"]


def test_the_hook_follows_the_configuration() -> None:
    with FakeGitHub() as fake:
        github = GitHub({"apiUrl": fake.url})
        secret = {"webhookUrl": HOOK, "webhookSecret": "s3cret-one"}
        assert run_flow(github.on_save(saved(), {})) == {}
        state = run_flow(github.on_save(saved(**secret), {}))
        assert fake.hooks[int(state["hookId"])]["config"]["secret"] == "s3cret-one"
        changed = run_flow(github.on_save(saved(**secret, events=["push", "release"]), state))
        assert changed == state
        assert [hook["events"] for hook in fake.hooks.values()] == [["push", "release"]]
        assert run_flow(github.on_save(saved(**secret), {})) == state, "an answer that was lost makes no second hook"
        fake.hooks.clear()
        again = run_flow(github.on_save(saved(**secret), state))
        assert list(fake.hooks) == [int(again["hookId"])]
        assert run_flow(github.on_save(saved(), again)) == {}
        assert fake.hooks == {}
        run_flow(github.on_delete(saved(**secret), again))


def test_a_hook_on_another_server_is_left_there_so_that_it_is_not_sent_the_new_token() -> None:
    state = {"hookId": "7", "repository": "https://github.example.com/api/v3/repos/my-org/asset-repo"}
    result, requests = play(GitHub().on_save(config(), state))
    assert (result, requests) == ({}, [])


def test_a_hook_in_the_repository_used_before_is_removed() -> None:
    state = {"hookId": "7", "repository": "https://api.github.com/repos/my-org/old-repo"}
    result, (request,) = play(GitHub().on_save(config(), state), error_answer(403, "Forbidden"))
    assert (request.method, request.url) == ("DELETE", f"{state['repository']}/hooks/7")
    assert result == {}


def test_a_hook_that_cannot_be_registered_names_the_missing_permission() -> None:
    answers = [json_response(200, {}), json_response(200, {}), json_response(201, {}), error_answer(404, "Not Found")]
    with pytest.raises(AuthFailed, match="admin:repo_hook"):
        play(GitHub().test(config(webhookUrl=HOOK)), *answers)

"""Our own commits come back as pushes: they are stored and not published."""

from typing import Any

import pytest

from integrations.connectors.bitbucket import Bitbucket
from integrations.connectors.github import GitHub
from integrations.connectors.gitlab import GitLab
from integrations.core.connector import Connector
from integrations.core.inbound import ReceivedEvent
from integrations.families.git_commits import DEFAULT_COMMIT_MESSAGE, commit_message
from tests.flows import CREATED
from tests.inbound import sign
from tests.integrations.connectors.inbound_requests import NOW, config_of, inbound_of, incoming

INTEGRATION = "0199c0de-0000-7000-8000-00000000000a"
OWN = commit_message(CREATED, DEFAULT_COMMIT_MESSAGE, INTEGRATION)
OTHER = commit_message(CREATED, DEFAULT_COMMIT_MESSAGE, INTEGRATION[:-1] + "b")


def github(*messages: str) -> dict[str, Any]:
    # https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
    commits = [{"id": "c0ffee", "message": text, "added": [], "distinct": True} for text in messages]
    return {"ref": "refs/heads/main", "created": False, "deleted": False, "commits": commits}


def gitlab(*messages: str, total: int | None = None) -> dict[str, Any]:
    # https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events
    commits = [{"id": "c0ffee", "message": text, "title": text.splitlines()[0]} for text in messages]
    count = len(commits) if total is None else total
    return {"object_kind": "push", "ref": "refs/heads/main", "commits": commits, "total_commits_count": count}


def bitbucket(*messages: str, truncated: bool = False) -> dict[str, Any]:
    # https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#Push
    branch = {"type": "branch", "name": "main"}
    commits = [{"type": "commit", "hash": "c0ffee", "message": text} for text in messages]
    change = {"new": branch, "old": branch, "created": False, "commits": commits, "truncated": truncated}
    return {"push": {"changes": [change]}}


def opened(connector: type[Connector], payload: dict[str, Any], event: str = "") -> ReceivedEvent:
    config = config_of(connector, webhookSigningToken=None) if connector is GitLab else config_of(connector)
    config = config.model_copy(update={"integration_id": INTEGRATION})
    request = incoming(payload)
    signature = f"sha256={sign('hook-secret-0001', request.body)}"
    of_type: dict[str, dict[str, str]] = {
        "github": {"x_hub_signature_256": signature, "x_github_event": event or "push"},
        "gitlab": {"x_gitlab_token": "hook-secret-0001", "x_gitlab_event": event or "Push Hook"},
        "bitbucket": {"x_hub_signature": signature, "x_event_key": event or "repo:push"},
    }
    received = inbound_of(connector).open(incoming(payload, NOW, **of_type[connector.type]), connector.type, config, {})
    assert isinstance(received, ReceivedEvent)
    return received


each_platform = pytest.mark.parametrize(
    ("connector", "push"), [(GitHub, github), (GitLab, gitlab), (Bitbucket, bitbucket)], ids=["gh", "gl", "bb"]
)


@each_platform
def test_a_push_of_nothing_but_its_own_commits_is_an_echo(connector: type[Connector], push: Any) -> None:
    assert opened(connector, push(OWN)).is_echo
    assert opened(connector, push(OWN, OWN)).is_echo


@each_platform
def test_a_push_with_a_commit_of_somebody_else_is_news(connector: type[Connector], push: Any) -> None:
    for messages in ([OTHER], [OWN, "Fix the build"], []):
        assert not opened(connector, push(*messages)).is_echo


def test_a_push_whose_payload_leaves_commits_out_is_news() -> None:
    assert not opened(GitLab, gitlab(OWN, total=21)).is_echo
    assert not opened(Bitbucket, bitbucket(OWN, truncated=True)).is_echo
    assert not opened(GitHub, github(*[OWN] * 2048)).is_echo


def test_another_event_about_its_own_commits_is_news() -> None:
    assert not opened(GitHub, github(OWN), "workflow_run").is_echo

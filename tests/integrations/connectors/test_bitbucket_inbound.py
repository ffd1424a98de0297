from typing import Any

import pytest

from integrations.connectors.bitbucket import Bitbucket
from tests.integrations.connectors.inbound_requests import (
    GIT_FIELDS,
    ODD_VALUES,
    config_of,
    inbound_of,
    incoming,
    read_event,
)

INBOUND = inbound_of(Bitbucket)
REPOSITORY = {
    "full_name": "my-workspace/asset-repo",
    "uuid": "{673a6070-3421-46c9-9d48-90745f7bfe8e}",
    "workspace": {"uuid": "{A54f16da-24e9-4d7f-a3a7-b1ba2cd98aa3}"},
    "links": {"html": {"href": "https://bitbucket.org/my-workspace/asset-repo"}},
}


def title_and_url(event: str, payload: dict[str, Any]) -> tuple[str, str]:
    read = read_event(Bitbucket, incoming(payload, x_event_key=event))
    return read.title, read.url


def test_bitbucket_signs_the_body_with_the_hook_s_secret() -> None:
    # https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/: its example
    config = config_of(Bitbucket, webhookSecret="It's a Secret to Everybody")
    signature = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    assert INBOUND.is_authentic(incoming(b"Hello World!", x_hub_signature=signature), config, "")
    assert not INBOUND.is_authentic(incoming(b"Hello World", x_hub_signature=signature), config, "")
    assert not INBOUND.is_authentic(incoming(b"Hello World!", x_hub_signature_256=signature), config, "")


@pytest.mark.parametrize("workspace", ["my-workspace", "{a54f16da-24e9-4d7f-a3a7-b1ba2cd98aa3}"])
@pytest.mark.parametrize("repository", ["Asset-Repo", "{673a6070-3421-46c9-9d48-90745f7bfe8e}"])
def test_a_bitbucket_repository_is_known_by_name_and_by_uuid(workspace: str, repository: str) -> None:
    config = config_of(Bitbucket, workspace=workspace, repository=repository)
    (key,) = INBOUND.keys_of(config, {})
    assert key in INBOUND.keys_in(incoming({"repository": REPOSITORY}))


@pytest.mark.parametrize(
    ("event", "payload", "title"),
    [
        (
            "repo:push",
            {
                "push": {
                    "changes": [{"new": {"type": "branch", "name": "main"}, "old": {"name": "main"}, "commits": [1]}]
                }
            },
            "Ann pushed 1 commit to main of my-workspace/asset-repo",
        ),
        (
            "repo:push",
            {"push": {"changes": [{"new": None, "old": {"type": "branch", "name": "old"}}]}},
            "Ann deleted branch old in my-workspace/asset-repo",
        ),
        (
            "pullrequest:fulfilled",
            {"pullrequest": {"id": 4, "title": "Faster"}},
            "Ann merged pull request #4: Faster in my-workspace/asset-repo",
        ),
        (
            "pullrequest:comment_created",
            {"pullrequest": {"id": 4, "title": "Faster"}},
            "Ann commented on pull request #4: Faster in my-workspace/asset-repo",
        ),
        ("repo:fork", {}, "my-workspace/asset-repo: fork by Ann"),
        ("repo:push", {"push": {"changes": []}}, "my-workspace/asset-repo: push by Ann"),
    ],
)
def test_each_bitbucket_event_has_a_readable_title(event: str, payload: dict[str, Any], title: str) -> None:
    common = {"actor": {"display_name": "Ann"}, "repository": REPOSITORY}
    assert title_and_url(event, {**payload, **common})[0] == title


@pytest.mark.parametrize("odd", ODD_VALUES)
def test_no_unexpected_payload_crashes_bitbucket(odd: Any) -> None:
    payload = dict.fromkeys(GIT_FIELDS, odd)
    for event in ("repo:push", "pullrequest:created", "issue:created", "other"):
        assert isinstance(title_and_url(event, payload)[0], str)
    assert all(isinstance(key, str) for key in INBOUND.keys_in(incoming(payload)))
    assert isinstance(title_and_url("repo:push", {"push": {"changes": [odd]}})[0], str)

from typing import Any

import pytest

from integrations.connectors.github import GitHub
from integrations.core.inbound import InvalidSignature, Unreadable
from tests.inbound import sign
from tests.integrations.connectors.inbound_requests import (
    GIT_FIELDS,
    ODD_VALUES,
    config_of,
    inbound_of,
    incoming,
    read_event,
)

INBOUND = inbound_of(GitHub)


def title_and_url(event: str, payload: dict[str, Any]) -> tuple[str, str]:
    read = read_event(GitHub, incoming(payload, x_github_event=event))
    return read.title, read.url


def test_githubs_own_example_is_verified() -> None:
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
    config = config_of(GitHub, webhookSecret="It's a Secret to Everybody")
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    request = incoming(b"Hello, World!", x_hub_signature_256=signature)
    assert INBOUND.is_authentic(request, config, "")
    with pytest.raises(Unreadable):
        INBOUND.open(
            incoming(b"Hello, World!", x_hub_signature_256=signature, x_github_event="a"), "github", config, {}
        )
    for wrong in (signature.upper(), signature.removeprefix("sha256="), signature[:-1], "", "sha256="):
        assert not INBOUND.is_authentic(incoming(b"Hello, World!", x_hub_signature_256=wrong), config, "")


def test_a_github_hook_without_a_secret_proves_nothing() -> None:
    config = config_of(GitHub, webhookSecret=None, webhookUrl=None)
    request = incoming({}, x_hub_signature_256=f"sha256={sign('', b'{}')}", x_github_event="push")
    with pytest.raises(InvalidSignature):
        INBOUND.open(request, "github", config, {})


def test_github_names_event_and_delivery_in_headers() -> None:
    request = incoming({"zen": "x"}, x_github_event="ping", x_github_delivery="72d3162e-cc78-11e3-81ab-4c9367dc0958")
    event = read_event(GitHub, request)
    assert (event.event_type, event.delivery_id) == ("ping", "72d3162e-cc78-11e3-81ab-4c9367dc0958")


@pytest.mark.parametrize(
    ("event", "payload", "title"),
    [
        ("push", {"ref": "refs/heads/a/b", "commits": [1, 2]}, "octocat pushed 2 commits to a/b of o/r"),
        ("push", {"ref": "refs/heads/new", "created": True, "commits": []}, "octocat created branch new in o/r"),
        ("push", {"ref": "refs/tags/v1", "created": True}, "octocat created tag v1 in o/r"),
        ("push", {"ref": "refs/heads/old", "deleted": True}, "octocat deleted branch old in o/r"),
        (
            "pull_request",
            {"action": "opened", "pull_request": {"number": 2, "title": "Update the README"}},
            "octocat opened pull request #2: Update the README in o/r",
        ),
        (
            "pull_request",
            {"action": "closed", "pull_request": {"number": 2, "merged": True, "title": "X"}},
            "octocat merged pull request #2: X in o/r",
        ),
        (
            "pull_request",
            {"action": "synchronize", "pull_request": {"number": 2, "title": "X"}},
            "octocat updated pull request #2: X in o/r",
        ),
        ("issues", {"action": "opened", "issue": {"number": 1, "title": "Bug"}}, "octocat opened issue #1: Bug in o/r"),
        (
            "release",
            {"action": "published", "release": {"name": None, "tag_name": "v1.0"}},
            "octocat published release v1.0 in o/r",
        ),
        ("star", {"action": "created"}, "o/r: star created by octocat"),
        ("workflow_run", {"action": "completed", "issue": {}}, "o/r: workflow run completed by octocat"),
    ],
)
def test_each_github_event_has_a_readable_title(event: str, payload: dict[str, Any], title: str) -> None:
    common = {"sender": {"login": "octocat"}, "repository": {"full_name": "o/r"}}
    assert title_and_url(event, {**payload, **common})[0] == title


def test_a_link_leads_to_the_subject_of_the_event() -> None:
    release = {"tag_name": "v1", "html_url": "https://github.com/o/r/releases/v1"}
    assert title_and_url("release", {"action": "published", "release": release})[1] == release["html_url"]
    assert title_and_url("push", {"compare": "https://github.com/o/r/compare"})[1] == "https://github.com/o/r/compare"
    comment = {"action": "created", "comment": {"html_url": "https://github.com/o/r/issues/1#c"}}
    assert title_and_url("commit_comment", comment)[1] == "https://github.com/o/r/issues/1#c"


@pytest.mark.parametrize("odd", ODD_VALUES)
def test_no_unexpected_payload_crashes_github(odd: Any) -> None:
    payload = dict.fromkeys(GIT_FIELDS, odd)
    for event in ("push", "pull_request", "issues", "release", "other"):
        assert isinstance(title_and_url(event, payload)[0], str)
    assert all(isinstance(key, str) for key in INBOUND.keys_in(incoming(payload)))

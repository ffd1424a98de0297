import base64
import hashlib
import hmac
from typing import Any

import pytest

from integrations.connectors.gitlab import GitLab
from integrations.core.inbound import InboundRequest
from tests.inbound import SECRET, SIGNING_TOKEN, standard_headers
from tests.integrations.connectors.inbound_requests import (
    GIT_FIELDS,
    NOW,
    ODD_VALUES,
    config_of,
    inbound_of,
    incoming,
    read_event,
)

INBOUND = inbound_of(GitLab)
PROJECT = {"id": 15, "path_with_namespace": "My-Group/asset-repo", "web_url": "https://gitlab.com/g/asset-repo"}


def title_and_url(event: str, payload: dict[str, Any]) -> tuple[str, str]:
    read = read_event(GitLab, incoming(payload, x_gitlab_event=event))
    return read.title, read.url


def test_gitlabs_token_is_compared_unchanged() -> None:
    config = config_of(GitLab, webhookSigningToken=None)
    assert INBOUND.is_authentic(incoming({}, x_gitlab_token=SECRET), config, "")
    for wrong in ("", SECRET.upper(), f"{SECRET}x"):
        assert not INBOUND.is_authentic(incoming({}, x_gitlab_token=wrong), config, "")


def test_with_a_signing_token_gitlab_has_to_sign() -> None:
    config, body = config_of(GitLab), b'{"object_kind": "push"}'
    signed = InboundRequest(standard_headers(SIGNING_TOKEN, body, NOW), body, NOW)
    assert INBOUND.is_authentic(signed, config, "")
    assert not INBOUND.is_authentic(incoming(body, x_gitlab_token=SECRET), config, "")
    late = InboundRequest(standard_headers(SIGNING_TOKEN, body, NOW - 301), body, NOW)
    assert not INBOUND.is_authentic(late, config, "")


def test_gitlabs_signature_is_that_of_its_documentation() -> None:
    # https://docs.gitlab.com/user/project/integrations/webhooks/: HMAC-SHA256 over id.timestamp.body, key in base64
    key = base64.b64decode("dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=")
    assert key == b"test" * 8
    digest = hmac.new(b"test" * 8, b"id-1.1772879400.{}", hashlib.sha256).digest()
    headers = {"webhook-id": "id-1", "webhook-timestamp": str(NOW)}
    headers["webhook-signature"] = "v1," + base64.b64encode(digest).decode()
    assert INBOUND.is_authentic(InboundRequest(headers, b"{}", NOW), config_of(GitLab), "")


@pytest.mark.parametrize(("project", "key"), [("My-Group/asset-repo", "my-group/asset-repo"), ("15", "15")])
def test_a_gitlab_project_is_known_by_path_and_by_number(project: str, key: str) -> None:
    assert INBOUND.keys_of(config_of(GitLab, project=project), {}) == (key,)
    assert key in INBOUND.keys_in(incoming({"project": PROJECT}))
    assert INBOUND.keys_in(incoming({"project_id": 15})) == ("", "15")


@pytest.mark.parametrize(
    ("header", "payload", "event_type", "title"),
    [
        (
            "Push Hook",
            {
                "before": "a" * 40,
                "after": "b" * 40,
                "ref": "refs/heads/main",
                "user_name": "Ann",
                "total_commits_count": 1,
            },
            "push",
            "Ann pushed 1 commit to main of My-Group/asset-repo",
        ),
        (
            "Tag Push Hook",
            {"before": "0" * 40, "after": "b" * 40, "ref": "refs/tags/v1", "user_name": "Ann"},
            "tag_push",
            "Ann created tag v1 in My-Group/asset-repo",
        ),
        (
            "Merge Request Hook",
            {"user": {"name": "Ann"}, "object_attributes": {"iid": 3, "title": "Faster", "action": "merge"}},
            "merge_request",
            "Ann merged merge request !3: Faster in My-Group/asset-repo",
        ),
        (
            "Release Hook",
            {"object_kind": "release", "action": "create", "name": "v1", "url": "https://gitlab.com/r"},
            "release",
            "Somebody created release v1 in My-Group/asset-repo",
        ),
        (
            "Pipeline Hook",
            {"user": {"name": "Ann"}, "object_attributes": {"status": "failed"}},
            "pipeline",
            "My-Group/asset-repo: pipeline failed by Ann",
        ),
        (
            "Confidential Issue Hook",
            {"object_kind": "issue", "object_attributes": {"iid": 1, "title": "Leak"}},
            "confidential_issue",
            "My-Group/asset-repo: confidential issue",
        ),
        ("Push Hook", {"total_commits_count": "x", "object_attributes": []}, "push", None),
    ],
)
def test_each_gitlab_event_has_a_readable_title(
    header: str, payload: dict[str, Any], event_type: str, title: str | None
) -> None:
    request = incoming({**payload, "project": PROJECT}, x_gitlab_event=header, idempotency_key="k")
    event = read_event(GitLab, request)
    assert (event.event_type, event.delivery_id) == (event_type, "k")
    assert title is None or event.title == title


def test_an_event_of_an_old_gitlab_without_an_id_is_identified_by_its_content() -> None:
    first, again, other = (
        read_event(GitLab, incoming({"after": after}, x_gitlab_event="Push Hook")) for after in "aab"
    )
    assert first.delivery_id == again.delivery_id != other.delivery_id


@pytest.mark.parametrize("odd", ODD_VALUES)
def test_no_unexpected_payload_crashes_gitlab(odd: Any) -> None:
    payload = dict.fromkeys(GIT_FIELDS, odd)
    for event in ("Push Hook", "Tag Push Hook", "Merge Request Hook", "Other Hook"):
        assert isinstance(title_and_url(event, payload)[0], str)
    assert all(isinstance(key, str) for key in INBOUND.keys_in(incoming(payload)))

"""What GitHub, GitLab and Bitbucket send, as their documentation shows it."""

import base64
import hashlib
import hmac

import pytest

from integrations.connectors.bitbucket import Bitbucket
from integrations.connectors.github import GitHub
from integrations.connectors.gitlab import GitLab
from integrations.core.inbound import InboundRequest, InvalidSignature, Unreadable
from tests.inbound import SECRET, SIGNING_TOKEN, encode, sign, standard_headers
from tests.integrations.connectors.examples import EXAMPLES

NOW = 1_772_879_400
GITLAB_PROJECT = {"id": 15, "path_with_namespace": "My-Group/asset-repo", "web_url": "https://gitlab.com/g/asset-repo"}
BITBUCKET_REPOSITORY = {
    "full_name": "my-workspace/asset-repo",
    "uuid": "{673a6070-3421-46c9-9d48-90745f7bfe8e}",
    "workspace": {"uuid": "{A54f16da-24e9-4d7f-a3a7-b1ba2cd98aa3}"},
    "links": {"html": {"href": "https://bitbucket.org/my-workspace/asset-repo"}},
}


def config_of(connector, **changes):
    given = {**EXAMPLES[connector.type], **changes}
    return connector.Config.parse({name: value for name, value in given.items() if value is not None})


def incoming(payload, now=NOW, **headers):
    return InboundRequest({name.replace("_", "-"): value for name, value in headers.items()}, encode(payload), now)


def line_of(connector, event, payload):
    request = incoming(payload, **{connector.inbound.event.replace("-", "_"): event})
    happening = connector.inbound.read(request, {})
    return happening.title, happening.url


def test_github_s_own_example_is_proved():
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
    config = config_of(GitHub, webhookSecret="It's a Secret to Everybody")
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    request = incoming(b"Hello, World!", x_hub_signature_256=signature)
    assert GitHub.inbound.is_authentic(request, config, "")
    with pytest.raises(Unreadable):
        GitHub.inbound.open(incoming(b"Hello, World!", x_hub_signature_256=signature, x_github_event="a"), config, {})
    for wrong in (signature.upper(), signature.removeprefix("sha256="), signature[:-1], "", "sha256="):
        assert not GitHub.inbound.is_authentic(incoming(b"Hello, World!", x_hub_signature_256=wrong), config, "")


def test_a_github_hook_without_a_secret_proves_nothing():
    config = config_of(GitHub, webhookSecret=None, webhookUrl=None)
    request = incoming({}, x_hub_signature_256=f"sha256={sign('', b'{}')}", x_github_event="push")
    with pytest.raises(InvalidSignature):
        GitHub.inbound.open(request, config, {})


def test_github_names_event_and_delivery_in_headers():
    request = incoming({"zen": "x"}, x_github_event="ping", x_github_delivery="72d3162e-cc78-11e3-81ab-4c9367dc0958")
    happening = GitHub.inbound.read(request, {})
    assert (happening.event, happening.delivery_id) == ("ping", "72d3162e-cc78-11e3-81ab-4c9367dc0958")


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
def test_what_happens_at_github_reads_well(event, payload, title):
    common = {"sender": {"login": "octocat"}, "repository": {"full_name": "o/r"}}
    assert line_of(GitHub, event, {**payload, **common})[0] == title


def test_a_link_leads_to_what_it_is_about():
    release = {"tag_name": "v1", "html_url": "https://github.com/o/r/releases/v1"}
    assert line_of(GitHub, "release", {"action": "published", "release": release})[1] == release["html_url"]
    assert line_of(GitHub, "push", {"compare": "https://github.com/o/r/compare"})[1] == "https://github.com/o/r/compare"
    comment = {"action": "created", "comment": {"html_url": "https://github.com/o/r/issues/1#c"}}
    assert line_of(GitHub, "commit_comment", comment)[1] == "https://github.com/o/r/issues/1#c"


def test_gitlab_s_token_is_compared_as_it_is():
    config = config_of(GitLab, webhookSigningToken=None)
    assert GitLab.inbound.is_authentic(incoming({}, x_gitlab_token=SECRET), config, "")
    for wrong in ("", SECRET.upper(), f"{SECRET}x"):
        assert not GitLab.inbound.is_authentic(incoming({}, x_gitlab_token=wrong), config, "")


def test_with_a_signing_token_gitlab_has_to_sign():
    config, body = config_of(GitLab), b'{"object_kind": "push"}'
    signed = InboundRequest(standard_headers(SIGNING_TOKEN, body, NOW), body, NOW)
    assert GitLab.inbound.is_authentic(signed, config, "")
    assert not GitLab.inbound.is_authentic(incoming(body, x_gitlab_token=SECRET), config, "")
    late = InboundRequest(standard_headers(SIGNING_TOKEN, body, NOW - 301), body, NOW)
    assert not GitLab.inbound.is_authentic(late, config, "")


def test_gitlab_s_signature_is_that_of_its_documentation():
    # https://docs.gitlab.com/user/project/integrations/webhooks/: HMAC-SHA256 over id.timestamp.body, key in base64
    key = base64.b64decode("dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=")
    assert key == b"test" * 8
    digest = hmac.new(b"test" * 8, b"id-1.1772879400.{}", hashlib.sha256).digest()
    headers = {"webhook-id": "id-1", "webhook-timestamp": str(NOW)}
    headers["webhook-signature"] = "v1," + base64.b64encode(digest).decode()
    assert GitLab.inbound.is_authentic(InboundRequest(headers, b"{}", NOW), config_of(GitLab), "")


@pytest.mark.parametrize(("project", "key"), [("My-Group/asset-repo", "my-group/asset-repo"), ("15", "15")])
def test_a_gitlab_project_is_known_by_path_and_by_number(project, key):
    assert GitLab.inbound.keys_of(config_of(GitLab, project=project), {}) == (key,)
    assert key in GitLab.inbound.keys_in(incoming({"project": GITLAB_PROJECT}))
    assert GitLab.inbound.keys_in(incoming({"project_id": 15})) == ("", "15")


@pytest.mark.parametrize(
    ("header", "payload", "event", "title"),
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
def test_what_happens_at_gitlab_reads_well(header, payload, event, title):
    request = incoming({**payload, "project": GITLAB_PROJECT}, x_gitlab_event=header, idempotency_key="k")
    happening = GitLab.inbound.read(request, {})
    assert (happening.event, happening.delivery_id) == (event, "k")
    assert title is None or happening.title == title


def test_an_old_gitlab_that_gives_no_id_is_known_by_what_it_says():
    first, again, other = (
        GitLab.inbound.read(incoming({"after": after}, x_gitlab_event="Push Hook"), {}) for after in "aab"
    )
    assert first.delivery_id == again.delivery_id != other.delivery_id


def test_bitbucket_signs_the_body_with_the_hook_s_secret():
    # https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/: its example
    config = config_of(Bitbucket, webhookSecret="It's a Secret to Everybody")
    signature = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    assert Bitbucket.inbound.is_authentic(incoming(b"Hello World!", x_hub_signature=signature), config, "")
    assert not Bitbucket.inbound.is_authentic(incoming(b"Hello World", x_hub_signature=signature), config, "")
    assert not Bitbucket.inbound.is_authentic(incoming(b"Hello World!", x_hub_signature_256=signature), config, "")


@pytest.mark.parametrize("workspace", ["my-workspace", "{a54f16da-24e9-4d7f-a3a7-b1ba2cd98aa3}"])
@pytest.mark.parametrize("repository", ["Asset-Repo", "{673a6070-3421-46c9-9d48-90745f7bfe8e}"])
def test_a_bitbucket_repository_is_known_by_name_and_by_uuid(workspace, repository):
    config = config_of(Bitbucket, workspace=workspace, repository=repository)
    (key,) = Bitbucket.inbound.keys_of(config, {})
    assert key in Bitbucket.inbound.keys_in(incoming({"repository": BITBUCKET_REPOSITORY}))


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
def test_what_happens_at_bitbucket_reads_well(event, payload, title):
    common = {"actor": {"display_name": "Ann"}, "repository": BITBUCKET_REPOSITORY}
    assert line_of(Bitbucket, event, {**payload, **common})[0] == title


@pytest.mark.parametrize("connector", [GitHub, GitLab, Bitbucket], ids=lambda kind: kind.type)
@pytest.mark.parametrize("odd", [[], {}, None, 5, "x", [[]], [None], {"a": 1}, True])
def test_no_odd_payload_breaks_it(connector, odd):
    names = (
        "repository",
        "project",
        "sender",
        "actor",
        "commits",
        "push",
        "pull_request",
        "issue",
        "object_attributes",
    )
    payload = dict.fromkeys([*names, "pullrequest", "action", "ref", "user", "before", "total_commits_count"], odd)
    for event in ("push", "repo:push", "pull_request", "Merge Request Hook", "pullrequest:created", "issues", "other"):
        assert isinstance(line_of(connector, event, payload)[0], str)
        assert all(isinstance(key, str) for key in connector.inbound.keys_in(incoming(payload)))
    assert isinstance(line_of(connector, "repo:push", {"push": {"changes": [odd]}})[0], str)

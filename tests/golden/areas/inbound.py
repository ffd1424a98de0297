"""Hooks at `/webhooks/<type>`: GitHub in detail, large bodies, and a delivery of ours that is sent back."""

import json
from typing import Any
from urllib.parse import urlencode

from .. import signatures
from ..harness import set_setting, wait_for_feed
from ..scenario import API, ActionStep, RequestStep, Step, delete, get, patch, post
from ..signatures import DISCORD_PUBLIC_KEY, SLACK_SECRET
from .examples import DISCORD, EXAMPLES
from .integrations import ALL, save
from .services import APPLICATION, BY_OAUTH, SERVICES, UNKNOWN_ID, hook, own

PUSH: dict[str, Any] = {
    "ref": "refs/heads/main",
    "compare": "https://github.com/my-org/asset-repo/compare/a...b",
    "commits": [{"id": "b", "message": "Add asset-1"}],
    "repository": {"full_name": "my-org/asset-repo"},
    "sender": {"login": "octocat"},
}
FORM = "application/x-www-form-urlencoded"


CONNECTING: list[Step] = [
    hook("GitHub sends a push before anything is connected", "github", PUSH, headers=signatures.github()),
    save("connecting GitHub", "github", EXAMPLES["github"]),
    own("reading GitHub's own address", "github"),
    post(
        "connecting GitHub as Bob",
        ALL,
        {"type": "github", "config": {**EXAMPLES["github"], "webhookSecret": "of-bob-0001"}},
        user="bob",
    ),
    save("connecting GitLab with a token", "gitlab", {**EXAMPLES["gitlab"], "webhookSigningToken": None}),
    save("connecting Bitbucket", "bitbucket", EXAMPLES["bitbucket"]),
    save("connecting Slack", "slack", {**EXAMPLES["slack"], "signingSecret": SLACK_SECRET, "events": ["github.*"]}),
    own("reading Slack's own address", "slack"),
    save(
        "connecting Discord",
        "discord",
        {"webhookUrl": DISCORD, "applicationId": APPLICATION["application_id"], "publicKey": DISCORD_PUBLIC_KEY},
    ),
    own("reading Discord's own address", "discord"),
    save("connecting Teams, which sends no hooks", "teams", EXAMPLES["teams"]),
    get("reading that Teams has no address", f"{ALL}/teams"),
]
GITHUB: list[Step] = [
    hook("GitHub sends a push", "github", PUSH, headers=signatures.github()),
    hook("GitHub sends it again", "github", PUSH, headers=signatures.github()),
    hook("GitHub sends another", "github", PUSH, headers=signatures.github(delivery="d-2")),
    hook("GitHub sends one to its own address", "{github_url}", PUSH, headers=signatures.github(delivery="d-3")),
    hook(
        "GitHub pings its own address",
        "{github_url}",
        {"zen": "Keep it simple."},
        headers=signatures.github("ping", "d-4"),
    ),
    hook(
        "GitHub pings without naming an integration",
        "github",
        {"zen": "Keep it simple."},
        headers=signatures.github("ping", "d-5"),
    ),
    hook(
        "GitHub sends one with Bob's secret",
        "github",
        PUSH,
        headers=signatures.github(delivery="d-6", secret="of-bob-0001"),
    ),
    hook(
        "GitHub names another repository",
        "github",
        {**PUSH, "repository": {"full_name": "my-org/x"}},
        headers=signatures.github(),
    ),
    hook(
        "GitHub names the repository in capitals",
        "github",
        {**PUSH, "repository": {"full_name": "MY-ORG/Asset-Repo"}},
        headers=signatures.github(delivery="d-7"),
    ),
    hook("GitHub signs with a wrong secret", "github", PUSH, headers=signatures.github(secret="wrong")),
    hook(
        "GitHub signs with a wrong secret at its own address",
        "{github_url}",
        PUSH,
        headers=signatures.github(secret="wrong"),
    ),
    hook("GitHub does not sign", "github", PUSH),
    hook("GitHub signs something else", "github", PUSH, headers=lambda body: signatures.github()(body + b" ")),
    hook("GitHub calls an unknown address", f"github/{UNKNOWN_ID}", PUSH, headers=signatures.github()),
    hook("GitHub calls an invalid address", "github/nonsense", PUSH, headers=signatures.github()),
    hook(
        "GitHub sends a form",
        "github",
        urlencode({"payload": json.dumps(PUSH)}).encode(),
        content_type=FORM,
        headers=signatures.github(delivery="d-8"),
    ),
    hook("GitHub sends as text", "github", PUSH, content_type="text/plain", headers=signatures.github(delivery="d-9")),
    hook("GitHub names no event", "{github_url}", PUSH, headers=signatures.github("")),
    hook("GitHub names no delivery", "{github_url}", PUSH, headers=signatures.github(delivery="")),
    *(
        hook(f"GitHub sends {how} at its own address", "{github_url}", body, headers=signatures.github(delivery="d-10"))
        for how, body in {
            "half a body": b"{",
            "a list": b"[]",
            "NaN": b'{"a": NaN}',
            "no UTF-8": b"\xff",
            "nothing": b"",
            "nesting too deep": b"[" * 100_000,
            "a number too large": b'{"a": 1e999}',
        }.items()
    ),
    hook("GitHub sends half a body", "github", b"{", headers=signatures.github()),
    hook(
        "GitHub sends characters that no database stores",
        "github",
        {**PUSH, "a\0": "\ud800\0"},
        headers=signatures.github(delivery="d-11"),
    ),
    hook(
        "GitHub sends an invalid access token",
        "github",
        PUSH,
        headers=lambda body: {**signatures.github(delivery="d-12")(body), "Authorization": "Bearer wrong"},
    ),
    get("GET to GitHub's address", "/webhooks/github", user=None),
    get("GET to GitHub's own address", "{github_url}", user=None),
    get("GET to GitHub's address with a challenge", "/webhooks/github?challenge=x", user=None),
]
LIMITS: list[Step] = [
    hook(
        "GitHub sends two megabytes",
        "github",
        {**PUSH, "more": "x" * 2 * 1024 * 1024},
        headers=signatures.github(delivery="d-20"),
    ),
    hook(
        "GitHub sends two megabytes to its own address",
        "{github_url}",
        {**PUSH, "more": "x" * 2 * 1024 * 1024},
        headers=signatures.github(delivery="d-20"),
    ),
    ActionStep("bodies are small", set_setting("INBOUND_MAX_BODY", 1000)),
    hook("GitHub sends a body too large", "github", {**PUSH, "more": "x" * 1000}, headers=signatures.github()),
    hook(
        "GitHub sends a body too large to its own address",
        "{github_url}",
        {**PUSH, "more": "x" * 1000},
        headers=signatures.github(),
    ),
    *(
        hook(f"a call for {name}", name, {})
        for name in ("teams", "webhook", "s3", "mixpanel", "google_analytics", "fax", "GitHub", "%C3%A9")
    ),
    hook("a call for a type with a NUL", "github%00", {}),
    hook("a call for an integration that receives no hooks", f"teams/{UNKNOWN_ID}", {}),
    hook("a call for a longer path", "github/a/b", {}),
    hook("a call for no type", "", {}),
    post("a call below the API", f"{API}/webhooks/github", PUSH, user=None, headers=signatures.github()),
    *(
        RequestStep(title=f"{method} to GitHub's {how}", method=method, path=path, user=None)
        for how, path in {"address": "/webhooks/github", "own address": "{github_url}"}.items()
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE")
    ),
]
EVENTS_AND_DELIVERIES: list[Step] = [
    ActionStep("Bob's feed is complete", wait_for_feed("bob", 1)),
    get("reading Bob's events", f"{API}/events", user="bob"),
    ActionStep("Alice's feed is complete", wait_for_feed("alice", 21)),
    get("reading Alice's first events", f"{API}/events?limit=4"),
    get(
        "reading all of Alice's events",
        f"{API}/events?limit=100",
        shows=lambda page: [
            {
                name: value
                for name, value in {**event, **event["data"]}.items()
                if name in ("event", "deliveryId", "title")
            }
            for event in page["data"]
        ],
    ),
    get("reading what Slack was sent of GitHub", f"{API}/deliveries?type=slack&limit=1"),
    get("reading GitHub after its events", f"{ALL}/github"),
    patch("pausing GitHub", f"{ALL}/github", {"isActive": False}),
    hook(
        "GitHub sends an event during a pause",
        "github",
        {"repository": PUSH["repository"]},
        headers=signatures.github(delivery="d-30"),
    ),
    delete("deleting GitHub", f"{ALL}/github"),
    hook("GitHub sends an event after the deletion", "{github_url}", {}, headers=signatures.github(delivery="d-31")),
]
OURS = {"webhook-id": "{event}", "X-Invenicum-Signature": "sha256=0"}
ECHOES: list[Step] = [
    post(
        "publishing what will be sent back",
        f"{API}/events",
        {"event": "report.ready", "data": {}},
        keep={"event": "data.id"},
    ),
    post("our delivery is sent back as an event", f"{API}/events", {"event": "report.ready", "data": {}}, headers=OURS),
    hook("our delivery is sent back as a hook", "github", {}, headers=OURS),
    get("our delivery is sent back to an unknown address", "/nowhere", headers=OURS),
    get("our delivery is sent back to a probe", "/healthz", user=None, headers=OURS),
    get("our delivery is sent back without our signature", f"{API}/assets", headers={"webhook-id": "{event}"}),
    get("a signature without an id is sent back", f"{API}/assets", headers={"X-Invenicum-Signature": "sha256=0"}),
    get("a delivery with an unknown id", f"{API}/assets", headers={**OURS, "webhook-id": f"evt_{'0' * 32}"}),
    get("a delivery with an id of another form", f"{API}/assets", headers={**OURS, "webhook-id": "msg_1"}),
]
OVER_QUOTA: list[Step] = [
    ActionStep("bodies are large again", set_setting("INBOUND_MAX_BODY", 1_000_000)),
    save("connecting GitHub again", "github", EXAMPLES["github"]),
    own("reading GitHub's own address again", "github"),
    ActionStep("one event a minute", set_setting("QUOTA_EVENTS_PER_MINUTE", 1)),
    *(
        hook(
            f"GitHub sends hook {number} of a minute to {how}",
            path,
            PUSH,
            headers=signatures.github(delivery=f"q-{number}"),
        )
        for number, how, path in (
            (1, "its address", "github"),
            (2, "its address", "github"),
            (3, "its own address", "{github_url}"),
        )
    ),
]
STEPS: list[Step] = [*CONNECTING, *GITHUB, *SERVICES, *BY_OAUTH, *LIMITS, *EVENTS_AND_DELIVERIES, *ECHOES, *OVER_QUOTA]

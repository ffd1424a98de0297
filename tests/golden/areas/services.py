"""Hooks of the services other than GitHub, with valid and invalid signatures."""

from typing import Any

from .. import signatures
from ..harness import configure_clients, keep_channel_id, run_engine, set_receiver_json
from ..scenario import ActionStep, RequestStep, Step, get, post
from ..signatures import SECRET
from .examples import EXAMPLES, SIGNING_TOKEN
from .integrations import ALL, save
from .oauth import begin, end

GITLAB = {"object_kind": "push", "project": {"id": 15, "path_with_namespace": "my-group/asset-repo"}}
BITBUCKET = {"repository": {"full_name": "my-workspace/asset-repo"}, "actor": {"display_name": "Ada"}}
MESSAGE = {
    "type": "event_callback",
    "team_id": "T00000000",
    "event_id": "Ev1",
    "event": {"type": "message", "text": "Hello"},
}
APPLICATION = {"application_id": "1234560123453231555"}
EVENT = {"type": "ENTITLEMENT_CREATE", "timestamp": "2026-03-07T10:30:00"}
ACCOUNT = {"list_folder": {"accounts": ["dbid:ada"]}}
UNKNOWN_ID = "0190b6c8-7a3e-7c52-9b1d-2f4e6a8c0d1e"


def hook(title: str, path: str, body: Any = b"", **more: Any) -> RequestStep:
    path = path if path.startswith("{") else f"/webhooks/{path}"
    return post(title, path, body, user=None, **more)


def own(title: str, integration_type: str) -> Step:
    return get(title, f"{ALL}/{integration_type}", keep={f"{integration_type}_url": "data.inboundUrl"})


SERVICES: list[Step] = [
    hook(
        "GitLab sends an event with its token",
        "gitlab",
        GITLAB,
        headers={"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": SECRET, "Idempotency-Key": "g-0"},
    ),
    hook(
        "GitLab sends an event with a wrong token",
        "gitlab",
        GITLAB,
        headers={"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "wrong"},
    ),
    save("connecting GitLab with a signing token", "gitlab", EXAMPLES["gitlab"]),
    hook("GitLab sends an event with a signature", "gitlab", GITLAB, headers=signatures.gitlab(SIGNING_TOKEN)),
    hook(
        "GitLab sends an event with an old signature",
        "gitlab",
        GITLAB,
        headers=signatures.gitlab(SIGNING_TOKEN, age=400),
    ),
    hook(
        "GitLab sends an event with a token instead of a signature",
        "gitlab",
        GITLAB,
        headers={"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": SECRET},
    ),
    hook("Bitbucket sends an event", "bitbucket", BITBUCKET, headers=signatures.bitbucket()),
    hook("Bitbucket signs with a wrong secret", "bitbucket", BITBUCKET, headers=signatures.bitbucket(secret="wrong")),
    hook("Slack sends a challenge", "slack", {"type": "url_verification", "challenge": "<b>é</b>"}),
    hook("Slack sends a challenge to its own address", "{slack_url}", {"type": "url_verification", "challenge": "abc"}),
    hook("Slack sends a verification without a challenge", "slack", {"type": "url_verification"}),
    hook(
        "Slack sends a challenge with half a surrogate pair",
        "slack",
        {"type": "url_verification", "challenge": "\ud800"},
    ),
    hook("Slack sends an event", "slack", MESSAGE, headers=signatures.slack()),
    hook(
        "Slack sends an event to its own address",
        "{slack_url}",
        {**MESSAGE, "event_id": "Ev2"},
        headers=signatures.slack(),
    ),
    hook(
        "Slack sends a message of a bot",
        "slack",
        {**MESSAGE, "event": {"type": "message", "bot_id": "B1"}},
        headers=signatures.slack(),
    ),
    hook("Slack sends an event too late", "slack", MESSAGE, headers=signatures.slack(age=301)),
    hook("Slack signs with a wrong secret", "slack", MESSAGE, headers=signatures.slack("0" * 32)),
    hook("Slack sends half a body", "slack", b"{", headers=signatures.slack()),
    hook("Discord sends a ping", "discord", {**APPLICATION, "type": 0}, headers=signatures.discord),
    hook("Discord sends a ping of interactions", "discord", {**APPLICATION, "type": 1}, headers=signatures.discord),
    hook("Discord sends an event", "discord", {**APPLICATION, "type": 1, "event": EVENT}, headers=signatures.discord),
    hook(
        "Discord sends an event to its own address",
        "{discord_url}",
        {"type": 1, "event": EVENT},
        headers=signatures.discord,
    ),
    hook("Discord sends an interaction", "discord", {**APPLICATION, "type": 2}, headers=signatures.discord),
    hook("Discord does not sign", "discord", {**APPLICATION, "type": 1}),
    get("Dropbox sends a challenge", "/webhooks/dropbox?challenge=%3Cscript%3E%C3%A9", user=None),
    get("Dropbox sends an empty challenge", "/webhooks/dropbox?challenge=", user=None),
    get("Dropbox sends no challenge", "/webhooks/dropbox", user=None),
    get(
        "Dropbox sends a challenge to an integration's address",
        f"/webhooks/dropbox/{UNKNOWN_ID}?challenge=abc",
        user=None,
    ),
    hook("Dropbox names an account before any is connected", "dropbox", ACCOUNT, headers=signatures.dropbox()),
]
# Dropbox and Google Drive send hooks only for integrations that are connected with OAuth.
BY_OAUTH: list[Step] = [
    ActionStep("clients are configured", configure_clients("dropbox", "google_drive")),
    ActionStep("Dropbox knows Ada", set_receiver_json("/2/users/get_current_account", {"account_id": "dbid:ada"})),
    ActionStep("Google has a page", set_receiver_json("/drive/v3/changes/startPageToken", {"startPageToken": "1"})),
    ActionStep("Google watches", set_receiver_json("/drive/v3/changes/watch", {"resourceId": "resource-1"})),
    begin("beginning with Dropbox", f"{ALL}/oauth/authorize/dropbox"),
    end("ending with Dropbox", "state={state}&code=good", "dropbox"),
    begin("beginning with Google Drive"),
    end("ending with Google Drive", "state={state}&code=good"),
    save("subscribing to Google Drive", "google_drive", EXAMPLES["google_drive"]),
    ActionStep("hooks are registered", run_engine),
    ActionStep("the channel is known", keep_channel_id),
    own("reading Google Drive's own address", "google_drive"),
    hook("Dropbox sends an event", "dropbox", ACCOUNT, headers=signatures.dropbox()),
    hook("Dropbox signs with a wrong secret", "dropbox", ACCOUNT, headers=signatures.dropbox("wrong")),
    hook(
        "Dropbox names an unknown account",
        "dropbox",
        {"list_folder": {"accounts": ["dbid:x"]}},
        headers=signatures.dropbox(),
    ),
    hook("Google Drive confirms a channel", "google_drive", headers=signatures.google_drive(state="sync")),
    hook("Google Drive sends a change", "google_drive", headers=signatures.google_drive(number=2)),
    hook("Google Drive sends the change again", "google_drive", headers=signatures.google_drive(number=2)),
    hook(
        "Google Drive sends a change to its own address",
        "{google_drive_url}",
        headers=signatures.google_drive(number=3),
    ),
    hook("Google Drive sends a wrong token", "google_drive", headers=signatures.google_drive("wrong")),
]

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
        "GitLab tells with its token",
        "gitlab",
        GITLAB,
        headers={"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": SECRET, "Idempotency-Key": "g-0"},
    ),
    hook(
        "GitLab tells with a wrong token",
        "gitlab",
        GITLAB,
        headers={"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "wrong"},
    ),
    save("connecting GitLab with a signing token", "gitlab", EXAMPLES["gitlab"]),
    hook("GitLab tells with a signature", "gitlab", GITLAB, headers=signatures.gitlab(SIGNING_TOKEN)),
    hook("GitLab tells with an old signature", "gitlab", GITLAB, headers=signatures.gitlab(SIGNING_TOKEN, age=400)),
    hook(
        "GitLab tells with a mere token",
        "gitlab",
        GITLAB,
        headers={"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": SECRET},
    ),
    hook("Bitbucket tells", "bitbucket", BITBUCKET, headers=signatures.bitbucket()),
    hook("Bitbucket signs with a wrong secret", "bitbucket", BITBUCKET, headers=signatures.bitbucket(secret="wrong")),
    hook("Slack asks whether somebody is there", "slack", {"type": "url_verification", "challenge": "<b>é</b>"}),
    hook("Slack asks at its own address", "{slack_url}", {"type": "url_verification", "challenge": "abc"}),
    hook("Slack asks without a challenge", "slack", {"type": "url_verification"}),
    hook("Slack asks with half a character", "slack", {"type": "url_verification", "challenge": "\ud800"}),
    hook("Slack tells", "slack", MESSAGE, headers=signatures.slack()),
    hook("Slack tells at its own address", "{slack_url}", {**MESSAGE, "event_id": "Ev2"}, headers=signatures.slack()),
    hook(
        "Slack tells of a bot",
        "slack",
        {**MESSAGE, "event": {"type": "message", "bot_id": "B1"}},
        headers=signatures.slack(),
    ),
    hook("Slack tells too late", "slack", MESSAGE, headers=signatures.slack(age=301)),
    hook("Slack signs with a wrong secret", "slack", MESSAGE, headers=signatures.slack("0" * 32)),
    hook("Slack sends half a body", "slack", b"{", headers=signatures.slack()),
    hook("Discord asks whether somebody is there", "discord", {**APPLICATION, "type": 0}, headers=signatures.discord),
    hook("Discord asks as it does for interactions", "discord", {**APPLICATION, "type": 1}, headers=signatures.discord),
    hook("Discord tells", "discord", {**APPLICATION, "type": 1, "event": EVENT}, headers=signatures.discord),
    hook("Discord tells at its own address", "{discord_url}", {"type": 1, "event": EVENT}, headers=signatures.discord),
    hook("Discord sends an interaction", "discord", {**APPLICATION, "type": 2}, headers=signatures.discord),
    hook("Discord does not sign", "discord", {**APPLICATION, "type": 1}),
    get("Dropbox asks whether somebody is there", "/webhooks/dropbox?challenge=%3Cscript%3E%C3%A9", user=None),
    get("Dropbox asks with an empty challenge", "/webhooks/dropbox?challenge=", user=None),
    get("Dropbox asks without a challenge", "/webhooks/dropbox", user=None),
    get("Dropbox asks at an address of its own", f"/webhooks/dropbox/{UNKNOWN_ID}?challenge=abc", user=None),
    hook("Dropbox tells of somebody unknown", "dropbox", ACCOUNT, headers=signatures.dropbox()),
]
# Dropbox and Google Drive call those only who are connected with OAuth.
BY_OAUTH: list[Step] = [
    ActionStep("clients are there", configure_clients("dropbox", "google_drive")),
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
    hook("Dropbox tells", "dropbox", ACCOUNT, headers=signatures.dropbox()),
    hook("Dropbox signs with a wrong secret", "dropbox", ACCOUNT, headers=signatures.dropbox("wrong")),
    hook(
        "Dropbox names somebody else",
        "dropbox",
        {"list_folder": {"accounts": ["dbid:x"]}},
        headers=signatures.dropbox(),
    ),
    hook("Google Drive says that a channel begins", "google_drive", headers=signatures.google_drive(state="sync")),
    hook("Google Drive tells", "google_drive", headers=signatures.google_drive(number=2)),
    hook("Google Drive tells again", "google_drive", headers=signatures.google_drive(number=2)),
    hook("Google Drive tells at its own address", "{google_drive_url}", headers=signatures.google_drive(number=3)),
    hook("Google Drive comes with a wrong token", "google_drive", headers=signatures.google_drive("wrong")),
]

"""Hooks of each provider but GitHub, through the real view; and secrets that sign for a whole app."""

import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from django.utils import timezone

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.models import Event
from oauth_flows.models import Grant
from tests.fakes.dropbox import ACCOUNT_ID, FakeDropbox
from tests.inbound import (
    SECRET,
    SIGNING_SECRET,
    SIGNING_TOKEN,
    connect,
    encode,
    post,
    send_bitbucket,
    send_gitlab,
    send_slack,
    sign,
    standard_headers,
)
from tests.jobs import run_provider_jobs
from webhooks.models import InboundEvent

MESSAGE = {
    "type": "event_callback",
    "team_id": "T00000000",
    "event_id": "Ev1",
    "event": {"type": "message", "text": "Hello"},
}
GITLAB_PUSH = {"object_kind": "push", "project": {"id": 15, "path_with_namespace": "my-group/asset-repo"}}


def grant(integration: Integration) -> None:
    """As if OAuth had connected it."""
    tokens, now = {"access": "token-0001"}, timezone.now()
    Grant.objects.create(
        integration=integration, client_id="id", tokens=tokens, connected_at=now, refreshed_at=now, account="a"
    )


def published() -> list[tuple[str, str]]:
    return sorted((event.owner.username, event.name) for event in Event.objects.select_related("owner"))


def test_gitlab_with_a_token(alice: User) -> None:
    connect(alice, "gitlab", webhookSigningToken=None)
    assert send_gitlab(GITLAB_PUSH, X_Gitlab_Token=SECRET).status_code == 202
    assert send_gitlab(GITLAB_PUSH, X_Gitlab_Token="wrong").status_code == 401
    assert published() == [("alice", "gitlab.push")]


def test_gitlab_with_a_signature_refuses_one_that_is_old(alice: User) -> None:
    connect(alice, "gitlab", project="15")
    body, event = encode(GITLAB_PUSH), {"X-Gitlab-Event": "Merge Request Hook"}
    assert post("gitlab", body, standard_headers(SIGNING_TOKEN, body, time.time()) | event).status_code == 202
    assert post("gitlab", body, standard_headers(SIGNING_TOKEN, body, time.time() - 400) | event).status_code == 401
    assert published() == [("alice", "gitlab.merge_request")]
    assert InboundEvent.objects.get().provider_delivery_id == "g-1"


def test_bitbucket(alice: User) -> None:
    connect(alice, "bitbucket")
    payload = {"repository": {"full_name": "my-workspace/asset-repo"}}
    assert send_bitbucket(payload).status_code == 202
    assert send_bitbucket(payload, secret="wrong").status_code == 401
    assert published() == [("alice", "bitbucket.repo.push")]


def test_slack_finds_the_team_and_refuses_what_is_old(alice: User, charlie: User) -> None:
    connect(alice, "slack", signingSecret=SIGNING_SECRET)
    connect(charlie, "slack", signingSecret="0" * 32)
    assert send_slack(MESSAGE).status_code == 202
    assert send_slack(MESSAGE, age=301).status_code == 401
    assert published() == [("alice", "slack.message")]


def test_slack_s_challenge_is_answered_before_anything_is_known(db: None) -> None:
    response = send_slack({"type": "url_verification", "challenge": "<b>abc</b>"}, secret="x")
    assert (response.status_code, response.json()) == (200, {"challenge": "<b>abc</b>"})
    assert response["Content-Type"] == "application/json"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert send_slack({"type": "url_verification", "challenge": "\ud800"}, secret="x").json() == {"challenge": "?"}


def test_a_bot_s_message_is_accepted_and_not_stored(alice: User) -> None:
    connect(alice, "slack", signingSecret=SIGNING_SECRET)
    response = send_slack({**MESSAGE, "event": {"type": "message", "bot_id": "B1"}})
    assert (response.status_code, response.content) == (200, b"")
    assert not InboundEvent.objects.exists()


def test_the_operator_s_slack_secret_counts_for_connected_accounts_only(
    alice: User, charlie: User, settings: Any
) -> None:
    settings.SLACK_SIGNING_SECRET = "f" * 32
    grant(connect(alice, "slack"))
    pretender = connect(charlie, "slack")  # Alice's team in an address does not prove membership of it
    assert send_slack(MESSAGE, secret="f" * 32).status_code == 202
    assert send_slack(MESSAGE, f"slack/{pretender.id}", secret="f" * 32).status_code == 401
    assert published() == [("alice", "slack.message")]


def test_the_operator_s_secret_gives_no_team_the_events_of_another(alice: User, settings: Any) -> None:
    settings.SLACK_SIGNING_SECRET = "f" * 32
    integration = connect(alice, "slack")
    grant(integration)
    other = {**MESSAGE, "team_id": "T99999999"}
    assert send_slack(other, f"slack/{integration.id}", secret="f" * 32).status_code == 401
    assert send_slack(MESSAGE, f"slack/{integration.id}", secret="f" * 32).status_code == 202


def test_discord(alice: User) -> None:
    key = Ed25519PrivateKey.generate()
    connect(alice, "discord", applicationId="1234560123453231555", publicKey=key.public_key().public_bytes_raw().hex())

    def send(**payload: Any) -> Any:
        body = encode({"application_id": "1234560123453231555", **payload})
        signature = key.sign(b"1772879400" + body).hex()
        return post("discord", body, {"X-Signature-Ed25519": signature, "X-Signature-Timestamp": "1772879400"})

    assert send(type=0).status_code == 204
    assert send(type=1).json() == {"type": 1}
    assert not InboundEvent.objects.exists()
    event = {"type": "ENTITLEMENT_CREATE", "timestamp": "2026-03-07T10:30:00"}
    answers = [send(type=1, event=event) for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2
    assert published() == [("alice", "discord.entitlement_create")]
    forged = {"X-Signature-Ed25519": "00" * 64, "X-Signature-Timestamp": "1"}
    assert post("discord", encode({"application_id": "1234560123453231555", "type": 1}), forged).status_code == 401


def test_dropbox_gets_its_challenge_back(db: None) -> None:
    response = Client().get("/webhooks/dropbox?challenge=%3Cscript%3E")
    assert (response.status_code, response.content) == (200, b"<script>")
    assert response["Content-Type"] == "text/plain"
    assert response["X-Content-Type-Options"] == "nosniff"
    for path in ("dropbox", "github", "fax", "github?challenge=x"):
        assert Client().get(f"/webhooks/{path}").status_code == 404


def send_dropbox(*accounts: str, path: str = "dropbox", secret: str = "app-secret") -> Any:
    body = encode({"list_folder": {"accounts": [*accounts, "\ud800\0"]}, "delta": {"users": [12345678]}})
    return post(path, body, {"X-Dropbox-Signature": sign(secret, body)})


def test_a_dropbox_hook_reaches_the_account_that_it_names_if_oauth_connected_it(
    alice: User, bob: User, settings: Any
) -> None:
    settings.OAUTH_CLIENTS = {"dropbox": ("app", "app-secret")}
    with FakeDropbox() as fake:
        settings.PROVIDER_ENDPOINTS = {"dropbox": {"apiUrl": fake.url}}
        connected, pasted = connect(alice, "dropbox"), connect(bob, "dropbox")
        assert send_dropbox(ACCOUNT_ID).status_code == 401  # the account's id is not known yet
        assert run_provider_jobs() == 2
    grant(connected)
    for path in ("dropbox", f"dropbox/{connected.id}"):
        assert send_dropbox("dbid:somebody-else", ACCOUNT_ID, path=path).status_code == 202
        assert send_dropbox("dbid:somebody-else", path=path).status_code == 401
        assert send_dropbox(ACCOUNT_ID, path=path, secret="wrong").status_code == 401
    assert send_dropbox(ACCOUNT_ID, path=f"dropbox/{pasted.id}").status_code == 401
    assert published() == [("alice", "dropbox.change")] * 2
    assert InboundEvent.objects.all()[0].payload == {"accountId": ACCOUNT_ID}


def test_without_an_app_of_ours_nothing_comes_from_dropbox(alice: User) -> None:
    integration = connect(alice, "dropbox")
    integration.remote_state = {"accountId": ACCOUNT_ID}
    integration.save()
    grant(integration)
    assert send_dropbox(ACCOUNT_ID, secret="").status_code == 401


def test_google_drive(alice: User, charlie: User) -> None:
    for owner, channel in ((alice, "channel-1"), (charlie, "channel-2")):
        integration = Integration.objects.create(
            owner=owner,
            type="google_drive",
            config={"webhookUrl": "https://api.invenicum.com/webhooks/google_drive"},
            secrets={"webhookSecret": f"secret-of-{owner.username}"},
            remote_state={"channelId": channel},
        )
        assert [key.key for key in integration.inbound_keys.all()] == [channel]

    def send(token: str, state: str = "change", number: int = 1) -> Any:
        names = {
            "Channel-ID": "channel-1",
            "Channel-Token": token,
            "Resource-State": state,
            "Message-Number": str(number),
        }
        return post("google_drive", b"", {f"X-Goog-{name}": value for name, value in names.items()})

    assert send("secret-of-alice", "sync").status_code == 200
    assert not InboundEvent.objects.exists()
    assert [send("secret-of-alice", number=number).status_code for number in (2, 3, 3)] == [202] * 3
    assert send("secret-of-charlie", number=4).status_code == 401
    assert published() == [("alice", "google_drive.change")] * 2

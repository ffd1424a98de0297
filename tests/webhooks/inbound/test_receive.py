"""Receiving hooks, as a provider sees it: verification, matching, repeated deliveries, limits."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection, connections
from django.test import Client

from integrations import services
from integrations.core.inbound import MAX_UNVERIFIED_BODY_BYTES
from integrations.families.git_commits import DEFAULT_COMMIT_MESSAGE, commit_message
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.models import Event
from tests.flows import CREATED
from tests.inbound import SECRET, connect, post, send_github, sign
from webhooks.models import Delivery, InboundEvent, InboundKey

PUSH = {
    "ref": "refs/heads/main",
    "compare": "https://github.com/my-org/asset-repo/compare/a...b",
    "commits": [{"id": "b", "message": "Add asset-1"}],
    "repository": {"full_name": "my-org/asset-repo"},
    "sender": {"login": "octocat"},
}
REFUSED = {
    "success": False,
    "message": "No integration's secret verifies this request",
    "error": "INVALID_SIGNATURE",
}


def test_a_push_is_stored_and_published_under_its_name(alice: User) -> None:
    integration = connect(alice, "github")
    response = send_github(PUSH)
    assert response.status_code == 202
    stored = InboundEvent.objects.get()
    assert response.json() == {"data": {"id": stored.public_id}}
    assert (stored.name, stored.type, stored.provider_delivery_id) == ("github.push", "github", "d-1")
    assert stored.payload == PUSH
    event = Event.objects.get()
    assert (event, event.owner, event.name) == (stored.event, alice, "github.push")
    assert event.payload["data"] == {
        "integration": "github",
        "deliveryId": "d-1",
        "title": "octocat pushed 1 commit to main of my-org/asset-repo",
        "url": PUSH["compare"],
        "payload": PUSH,
    }
    integration.refresh_from_db()
    assert integration.last_sync == stored.received_at


def test_integrations_that_name_the_event_receive_it(alice: User, bob: User) -> None:
    connect(alice, "github")
    connect(alice, "slack", events=["github.release"])
    connect(alice, "discord", events=["github.*"])
    connect(alice, "teams")
    connect(bob, "slack", events=["github.*"])
    send_github(PUSH, event="push", delivery="1")
    send_github({**PUSH, "release": {"tag_name": "v1"}, "action": "published"}, event="release", delivery="2")
    told = Delivery.objects.order_by("integration__type", "event_id").values_list("integration__type", "event__name")
    assert list(told) == [("discord", "github.push"), ("discord", "github.release"), ("slack", "github.release")]


def test_a_release_is_published_once_although_github_sends_it_three_times(alice: User) -> None:
    connect(alice, "github")
    for number, action in enumerate(("created", "published", "released")):
        payload = {**PUSH, "release": {"tag_name": "v1"}, "action": action}
        assert send_github(payload, event="release", delivery=f"r{number}").status_code == 202
    assert InboundEvent.objects.filter(name="github.release").count() == 3
    assert Event.objects.filter(name="github.release").count() == 1


def test_the_integrations_own_commit_comes_back_and_is_not_published(alice: User, bob: User) -> None:
    for owner in (alice, bob):
        connect(owner, "github")
    own = Integration.objects.get(owner=alice)
    commit = {"message": commit_message(CREATED, DEFAULT_COMMIT_MESSAGE, str(own.pk))}
    assert send_github({**PUSH, "commits": [commit]}).status_code == 202
    assert InboundEvent.objects.count() == 2
    assert [event.owner for event in Event.objects.filter(name="github.push")] == [bob], "it is no echo for others"


def test_the_repository_is_found_whatever_its_case(alice: User) -> None:
    connect(alice, "github", organization="My-Org", repository="Asset-Repo")
    assert send_github({**PUSH, "repository": {"full_name": "my-ORG/asset-repo"}}).status_code == 202


def test_every_integration_whose_secret_verifies_it_receives_it(alice: User, bob: User, charlie: User) -> None:
    connect(alice, "github")
    connect(bob, "github")
    connect(charlie, "github", webhookSecret="a-secret-of-charlies-own")
    assert send_github(PUSH).status_code == 202
    assert sorted(event.owner.username for event in Event.objects.all()) == ["alice", "bob"]
    assert InboundEvent.objects.count() == 2


def test_charlie_who_names_alices_repository_receives_no_event(alice: User, charlie: User) -> None:
    connect(alice, "github")
    connect(charlie, "github", webhookSecret="guessed-secret-0001")
    theirs = Integration.objects.get(owner=charlie)
    assert send_github(PUSH, path=f"github/{theirs.id}").json() == REFUSED
    send_github(PUSH)
    assert [event.owner for event in Event.objects.all()] == [alice]


def test_the_address_with_the_id_needs_no_repository(alice: User) -> None:
    integration = connect(alice, "github")
    assert send_github({"zen": "Keep it simple."}, f"github/{integration.id}", event="ping").status_code == 202
    assert Event.objects.get().name == "github.ping"


@pytest.mark.parametrize(
    "path", ["github", "github/{id}", "github/0190b6c8-7a3e-7c52-9b1d-2f4e6a8c0d1e", "github/nonsense", "gitlab/{id}"]
)
def test_a_wrong_signature_and_an_unknown_integration_look_the_same(alice: User, path: str) -> None:
    integration = connect(alice, "github")
    response = send_github(PUSH, path.format(id=integration.id), secret="wrong")
    assert (response.status_code, response.json()) == (401, REFUSED)
    assert not InboundEvent.objects.exists()
    assert not Event.objects.exists()


def test_a_body_changed_in_transit_is_refused(alice: User) -> None:
    connect(alice, "github")
    body = b'{"repository": {"full_name": "my-org/asset-repo"}}'
    headers = {"X-Hub-Signature-256": f"sha256={sign(SECRET, body)}", "X-GitHub-Event": "push"}
    assert post("github", body, headers).status_code == 202
    assert post("github", body + b" ", headers).status_code == 401


def test_a_hook_that_sends_forms_is_read_too(alice: User) -> None:
    connect(alice, "github")
    body = urlencode({"payload": json.dumps(PUSH)}).encode()
    headers = {"X-Hub-Signature-256": f"sha256={sign(SECRET, body)}", "X-GitHub-Event": "push"}
    assert post("github", body, headers, "application/x-www-form-urlencoded").status_code == 202
    assert InboundEvent.objects.get().payload == PUSH


@pytest.mark.parametrize("path", ["teams", "webhook", "s3", "fax", "github/a/b"])
def test_a_type_whose_provider_sends_no_hooks_is_not_found(alice: User, path: str) -> None:
    response = send_github(PUSH, path)
    assert (response.status_code, response.json()["error"]) == (404, "NOT_FOUND")


def test_there_is_no_second_address_below_the_api(alice: User) -> None:
    connect(alice, "github")
    assert Client().post("/api/v1/webhooks/github", b"{}", "application/json").status_code == 404


def test_a_repeated_delivery_is_answered_as_before_and_does_nothing(alice: User) -> None:
    connect(alice, "github")
    first, second = send_github(PUSH), send_github(PUSH)
    assert (second.status_code, second.json()) == (202, first.json())
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_deliveries_that_come_twice_at_once_count_once(alice: User) -> None:
    connect(alice, "github")

    def send(_: int) -> Any:
        try:
            return send_github(PUSH)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(16)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    assert Event.objects.count() == InboundEvent.objects.count() == 1


def test_while_paused_it_is_stored_but_not_published(alice: User) -> None:
    connect(alice, "github")
    services.set_active(alice, "github", False)
    assert send_github(PUSH).status_code == 202
    assert InboundEvent.objects.get().event is None
    assert not Event.objects.exists()


def test_a_deleted_integration_is_unknown(alice: User) -> None:
    integration = connect(alice, "github")
    services.delete_integration(alice, "github")
    assert not InboundKey.objects.exists()
    assert send_github(PUSH).status_code == 401
    assert send_github(PUSH, f"github/{integration.id}").status_code == 401


def test_after_a_change_of_repository_hooks_of_the_old_one_are_refused(alice: User) -> None:
    connect(alice, "github")
    connect(alice, "github", repository="other-repo")
    assert send_github(PUSH).status_code == 401
    assert send_github({**PUSH, "repository": {"full_name": "my-org/other-repo"}}).status_code == 202


def test_an_authentic_but_unreadable_hook_is_a_bad_request(alice: User) -> None:
    path = f"github/{connect(alice, 'github').id}"
    for body in (b"{", b"[]", b'{"a": NaN}', b"\xff", b"[" * 100_000):
        response = send_github(body, path)
        assert (response.status_code, response.json()["error"]) == (400, "INVALID_CONFIG")
    assert send_github(PUSH, path, event="").json()["message"] == "The header x-github-event is missing."
    assert not InboundEvent.objects.exists()


def test_texts_that_no_database_stores_are_stored_without_them(alice: User) -> None:
    connect(alice, "github")
    odd = {"nul": "a\0b", "half": "\ud800", "n\0": ["\0"], "compare": "https://github.com/\ud800"}
    assert send_github({**PUSH, **odd}).status_code == 202
    assert InboundEvent.objects.get().payload["nul"] == "a\ufffdb"
    data = Event.objects.get().payload["data"]
    assert (data["payload"]["nul"], data["url"]) == ("a\ufffdb", "https://github.com/?")


def test_a_large_payload_is_passed_on_shortened(alice: User) -> None:
    connect(alice, "github")
    commits = [{"id": str(number), "message": "x" * 900} for number in range(1500)]
    assert send_github({**PUSH, "commits": commits}).status_code == 202
    data = Event.objects.get().payload["data"]
    assert data["truncated"] is True
    assert data["title"] == "octocat pushed 1500 commits to main of my-org/asset-repo"
    assert len(Event.objects.get().body) < 300_000
    assert data["payload"]["commits"][0]["id"] == "0"


def test_a_body_above_the_limit_is_refused(alice: User, settings: Any) -> None:
    connect(alice, "github")
    settings.INBOUND_MAX_BODY = 1000
    response = send_github({**PUSH, "more": "x" * 1000})
    assert (response.status_code, response.json()["error"]) == (413, "PAYLOAD_TOO_LARGE")


def test_only_the_address_with_the_id_accepts_a_body_too_large_to_be_parsed_unverified(alice: User) -> None:
    integration = connect(alice, "github")
    large = {**PUSH, "more": "x" * MAX_UNVERIFIED_BODY_BYTES}
    response = send_github(large)
    assert (response.status_code, response.json()["error"]) == (413, "PAYLOAD_TOO_LARGE")
    assert "/webhooks/<type>/<id>" in response.json()["message"]
    assert send_github(large, f"github/{integration.id}").status_code == 202


def test_an_integration_whose_secrets_cannot_be_read_hides_no_other(alice: User, bob: User) -> None:
    broken = connect(alice, "github")
    connect(bob, "github")
    with connection.cursor() as cursor:
        table = Integration._meta.db_table
        key = broken.id if connection.vendor == "postgresql" else broken.id.hex
        cursor.execute(f"UPDATE {table} SET secrets = %s WHERE id = %s", [b"garbage", key])
    assert send_github(PUSH).status_code == 202
    assert [event.owner for event in Event.objects.all()] == [bob]

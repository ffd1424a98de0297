import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invenicum.accounts.models import User
from invenicum.events.models import Event
from tests.api_client import Api

RELEASE = {"event": "github.release", "data": {"tag": "v1"}}
ANY = ("events:write", "events:publish-any")


def bodies() -> list[dict[str, Any]]:
    return [json.loads(event.body) for event in Event.objects.order_by("pk")]


@pytest.mark.parametrize("base", ["", "/api/v1"])
def test_an_event_is_stored_unchanged(api: Api, alice: User, base: str) -> None:
    response = api(alice).post(f"{base}/events", {**RELEASE, "timestamp": "2026-03-07T12:30:00.75+02:00"})
    event = Event.objects.get()
    assert response.status_code == 202
    assert response.json() == {"data": {"id": event.public_id}}
    assert event.body == '{"event":"github.release","timestamp":"2026-03-07T10:30:00Z","data":{"tag":"v1"}}'
    assert (event.owner, event.document) == (alice, None)


def test_an_event_without_a_time_gets_the_current_time(api: Api, alice: User) -> None:
    api(alice).post("/events", {**RELEASE, "timestamp": None})
    event = Event.objects.get()
    assert abs((event.created_at - event.occurred_at).total_seconds()) <= 1


def test_a_batch_keeps_its_order(api: Api, alice: User) -> None:
    batch = [{"event": "stock.counted", "data": {"number": number}} for number in range(5)]
    response = api(alice).post("/events", {"events": batch})
    assert response.status_code == 202
    assert [body["data"]["number"] for body in bodies()] == [0, 1, 2, 3, 4]
    assert response.json()["data"] == [{"id": event.public_id} for event in Event.objects.order_by("pk")]


def test_a_batch_of_one_is_answered_with_a_list(api: Api, alice: User) -> None:
    assert len(api(alice).post("/events", {"events": [RELEASE]}).json()["data"]) == 1


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite splits an INSERT at 999 parameters")
def test_a_batch_takes_a_fixed_number_of_statements(api: Api, alice: User, bob: User, charlie: User) -> None:
    client = api(alice, *ANY)
    owners = [user.public_id for user in (alice, bob, charlie)]

    def statements(count: int) -> int:
        batch = [{**RELEASE, "owner": owners[number % 3]} for number in range(count)]
        with CaptureQueriesContext(connection) as queries:
            assert client.post("/events", {"events": batch}, headers={"Idempotency-Key": f"{count}"}).status_code == 202
        return len(queries)

    assert statements(3) == statements(1000)
    assert Event.objects.count() == 1003


def test_one_event_more_than_a_thousand_is_too_many(api: Api, alice: User) -> None:
    response = api(alice).post("/events", {"events": [RELEASE] * 1001})
    assert (response.status_code, list(response.json()["details"])) == (400, ["events"])
    assert api(alice).post("/events", {"events": []}).status_code == 400
    assert not Event.objects.exists()


def test_one_invalid_event_refuses_the_whole_batch(api: Api, alice: User) -> None:
    response = api(alice).post("/events", {"events": [RELEASE, {"event": "Bad", "data": {}}]})
    assert (response.status_code, list(response.json()["details"])) == (400, ["events.1.event"])
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event": "ping"}, "event"),
        ({"event": "release"}, "event"),
        ({"event": "Git.Release"}, "event"),
        ({"event": "github.release\n"}, "event"),
        ({"event": "a." + "b" * 99}, "event"),
        ({"event": 7}, "event"),
        ({"event": None}, "event"),
        ({"data": None}, "data"),
        ({"data": []}, "data"),
        ({"data": "x"}, "data"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": 1772879400}, "timestamp"),
        ({"owner": 7}, "owner"),
        ({"owner": "alice"}, "owner"),
        ({"owner": "user-"}, "owner"),
        ({"owner": "user-a b"}, "owner"),
        ({"owner": "user-~1"}, "owner"),
        ({"owner": "user-" + "9" * 101}, "owner"),
        ({"id": "evt_1"}, "id"),
        ({"document": {}}, "document"),
    ],
)
def test_invalid_input_is_refused_with_the_field_that_is_wrong(
    api: Api, alice: User, change: dict[str, Any], field: str
) -> None:
    response = api(alice, *ANY).post("/events", {**RELEASE, **change})
    assert response.status_code == 400
    assert response.json()["error"] == "INVALID_CONFIG"
    assert list(response.json()["details"]) == [field]
    assert not Event.objects.exists()


@pytest.mark.parametrize("asset_id", [None, 7, "", "..", "a/b", "x" * 101])
def test_an_asset_event_must_name_its_asset(api: Api, alice: User, asset_id: int | str | None) -> None:
    client = api(alice)
    assert client.post("/events", {"event": "asset.moved", "data": {"assetId": asset_id}}).status_code == 400
    assert client.post("/events", {"event": "asset.moved", "data": {}}).status_code == 400
    assert client.post("/events", {"event": "asset.moved", "data": {"assetId": "asset-1"}}).status_code == 202
    assert client.post("/events", {"event": "other.moved", "data": {"assetId": asset_id}}).status_code == 202


def test_a_service_publishes_for_the_owners_it_names(api: Api, alice: User, bob: User, charlie: User) -> None:
    batch = [{**RELEASE, "owner": bob.public_id}, RELEASE, {**RELEASE, "owner": charlie.public_id}]
    assert api(alice, *ANY).post("/events", {"events": batch}).status_code == 202
    assert [event.owner for event in Event.objects.order_by("pk")] == [bob, alice, charlie]


def test_naming_an_owner_needs_the_scope(api: Api, alice: User, bob: User) -> None:
    for owner in (alice, bob):
        response = api(alice).post("/events", {**RELEASE, "owner": owner.public_id})
        assert (response.status_code, response.json()["error"]) == (403, "PERMISSION_DENIED")
    assert not Event.objects.exists()


def test_a_new_owner_is_provisioned_and_can_sign_in_later(api: Api, alice: User) -> None:
    batch = [{**RELEASE, "owner": "user-2"}, {**RELEASE, "owner": "user-abc"}, {**RELEASE, "owner": "user-2"}]
    assert api(alice, *ANY).post("/events", {"events": batch}).status_code == 202
    assert [event.owner.public_id for event in Event.objects.order_by("pk")] == ["user-2", "user-abc", "user-2"]
    made = User.objects.get(account_id="2")
    assert (made.has_usable_password(), made.email, made.is_staff) == (False, "", False)


def test_a_primary_key_is_not_an_owner(api: Api, alice: User, bob: User) -> None:
    assert api(alice, *ANY).post("/events", {**RELEASE, "owner": f"user-{bob.id}"}).status_code == 202
    assert Event.objects.get().owner.account_id == str(bob.id)
    assert Event.objects.get().owner != bob


def test_an_owner_that_is_refused_is_reported_at_its_event(api: Api, alice: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    client = api(alice, *ANY)
    batch = [RELEASE, {**RELEASE, "owner": bob.public_id}, {**RELEASE, "owner": "user-~0123456789ab"}]
    response = client.post("/events", {"events": batch})
    assert response.status_code == 400
    assert response.json()["details"] == {
        "events.1.owner": ["this account is deactivated"],
        "events.2.owner": ["there is no such account"],
    }
    assert client.post("/events", batch[1]).json()["details"] == {"owner": ["this account is deactivated"]}
    assert not Event.objects.exists()


def test_the_scope_is_needed(api: Api, alice: User) -> None:
    assert api(alice, "assets:write", "events:publish-any").post("/events", RELEASE).status_code == 403


def filled(size: int, text: str = "x") -> dict[str, Any]:
    """An event whose body has `size` bytes: its name, its time and its data."""
    empty = '{"event":"github.release","timestamp":"2026-03-07T10:30:00Z","data":{"text":""}}'
    return {**RELEASE, "data": {"text": text * ((size - len(empty)) // len(text.encode()))}}


@pytest.mark.parametrize("text", ["x", "é", "😀"])
def test_an_event_has_at_most_256_kib(api: Api, alice: User, text: str) -> None:
    assert api(alice).post("/events", filled(256 * 1024, text)).status_code == 202
    refused = api(alice).post("/events", filled(256 * 1024 + len(text.encode()), text))
    assert (refused.status_code, refused.json()["error"]) == (413, "PAYLOAD_TOO_LARGE")
    assert refused.json()["message"] == "An event can have 262144 bytes"
    assert list(refused.json()["details"]) == ["data"]
    assert Event.objects.count() == 1


def test_a_batch_names_the_events_that_are_too_large_and_publishes_none(api: Api, alice: User) -> None:
    large = filled(300 * 1024)
    refused = api(alice).post("/events", {"events": [RELEASE, large, RELEASE, large]})
    assert refused.status_code == 413
    assert refused.json()["details"] == {f"events.{place}.data": ["makes an event of 307200 bytes"] for place in (1, 3)}
    assert Event.objects.count() == 0

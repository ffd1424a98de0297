"""The quotas of an account, as its owner and the operator meet them."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from invenicum.events.models import Event
from invenicum.events.publish import publish
from invenicum.quotas import PENDING_BYTES
from tests.api_client import Api
from tests.factories import connect_webhook
from tests.inbound import connect, send_github
from webhooks import backlog
from webhooks.models import Delivery, InboundEvent, Replay

pytestmark = pytest.mark.django_db
CREATED = {"event": "asset.created", "data": {"assetId": "asset-1", "text": "x" * 1000}}
REPLAY = "/integrations/webhook/replay"


def since() -> str:
    return (timezone.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_batch_above_the_events_of_a_minute_is_refused_as_a_whole(api: Api, alice: User, settings: Any) -> None:
    settings.QUOTA_EVENTS_PER_MINUTE = 3
    client = api(alice)
    assert client.post("/events", {"events": [CREATED] * 2}).status_code == 202
    refused = client.post("/events", {"events": [CREATED] * 2})
    assert (refused.status_code, refused.json()["error"]) == (429, "RATE_LIMITED")
    assert refused.json()["message"] == "An account can publish 3 events a minute: send the rest later"
    assert 1 <= int(refused["Retry-After"]) <= 20
    assert Event.objects.count() == 2


def test_a_batch_names_the_events_of_the_owner_who_is_above(api: Api, alice: User, bob: User, settings: Any) -> None:
    settings.QUOTA_EVENTS_PER_MINUTE = 2
    service = api(alice, "events:write", "events:publish-any")
    mine, others = CREATED, {**CREATED, "owner": bob.public_id}
    assert service.post("/events", {"events": [others, others]}).status_code == 202
    refused = service.post("/events", {"events": [mine, others, mine, others]})
    assert refused.status_code == 429
    assert list(refused.json()["details"]) == ["events.1", "events.3"]
    assert service.post("/events", {"events": [mine, mine]}).status_code == 202


def test_an_account_with_too_much_pending_publishes_nothing_more(
    api: Api, alice: User, bob: User, settings: Any
) -> None:
    connect_webhook(alice)
    settings.QUOTA_PENDING_BYTES = 7000
    client = api(alice)
    for _ in range(3):
        assert client.post("/events", CREATED).status_code == 202
    assert 6000 < backlog.pending_bytes(alice.pk) < 7000
    assert client.post("/events", CREATED).status_code == 202  # it was below
    refused = client.post("/events", CREATED)
    assert (refused.status_code, refused["Retry-After"]) == (429, "30")
    assert refused.json()["message"].startswith("Deliveries of 7000 bytes are pending")
    assert client.post("/assets", {"name": "A"}).status_code == 429
    assert api(bob).post("/events", CREATED).status_code == 202
    assert Event.objects.filter(owner=alice).count() == 4


def test_publishing_costs_no_query_for_the_quotas(
    api: Api, alice: User, settings: Any, django_assert_num_queries: Any
) -> None:
    from invenicum.events import intake

    with django_assert_num_queries(0):
        for _ in range(100):
            intake.admit({alice.pk: 1})


def test_a_hook_above_the_quota_is_neither_stored_nor_published(alice: User, settings: Any) -> None:
    connect(alice, "github")
    settings.QUOTA_EVENTS_PER_MINUTE = 1
    push = {"repository": {"full_name": "my-org/asset-repo"}, "ref": "refs/heads/main"}
    assert send_github(push, delivery="d-1").status_code == 202
    refused = send_github(push, delivery="d-2")
    assert (refused.status_code, refused.json()["error"]) == (429, "RATE_LIMITED")
    assert InboundEvent.objects.count() == Event.objects.count() == 1


def test_an_account_has_a_number_of_assets(api: Api, alice: User, bob: User, settings: Any) -> None:
    settings.QUOTA_ASSETS = 2
    client = api(alice)
    assert [client.post("/assets", {"name": "A"}).status_code for _ in range(3)] == [201, 201, 409]
    refused = client.post("/assets", {"name": "A"})
    assert refused.json()["error"] == "QUOTA_EXCEEDED"
    assert refused.json()["message"].startswith("An account can have 2 assets: delete some")
    assert "Retry-After" not in refused
    assert api(bob).post("/assets", {"name": "A"}).status_code == 201


def test_an_integration_has_one_replay_under_way(api: Api, alice: User) -> None:
    integration = connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "asset-1"})
    Delivery.objects.update(status=Delivery.Status.FAILED, due_at=None)
    client = api(alice, "deliveries:write", "deliveries:read")
    started = client.post(REPLAY, {"since": since()})
    assert started.status_code == 202
    refused = client.post(REPLAY, {"since": since()})
    assert (refused.status_code, refused.json()["error"]) == (409, "QUOTA_EXCEEDED")
    assert "DELETE /replays/:id" in refused.json()["message"]
    assert client.post(REPLAY, {"since": since(), "dryRun": True}).status_code == 202
    assert client.delete(f"/replays/{started.json()['data']['id']}").status_code == 200
    assert client.post(REPLAY, {"since": since(), "status": ["cancelled"]}).status_code == 202
    assert Replay.objects.filter(integration=integration).count() == 2


def test_the_admin_shows_what_an_account_uses_and_who_is_near_a_quota(
    alice: User, bob: User, settings: Any, admin_client: Client
) -> None:
    settings.QUOTA_TOKENS = 5
    settings.QUOTA_PENDING_BYTES = 2000
    for _ in range(4):
        issue_token(alice)
    connect_webhook(bob)
    publish(bob, "asset.created", CREATED["data"])  # type: ignore[arg-type]
    page = admin_client.get(f"/admin/accounts/user/{alice.pk}/change/").content.decode()
    assert "4 of 5 access tokens" in page
    assert "0 of 200,000 assets" in page

    def near(setting: str) -> set[str]:
        shown = admin_client.get(f"/admin/accounts/user/?near={setting}")
        return {user.username for user in shown.context["cl"].queryset}

    assert near("QUOTA_TOKENS") == {"alice"}
    assert near(PENDING_BYTES.setting) == {"bob"}
    assert near("QUOTA_ASSETS") == set()

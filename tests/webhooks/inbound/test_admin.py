from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations import services
from invenicum.accounts.models import User
from invenicum.events.models import Event
from tests.inbound import SECRET, connect, send_github
from webhooks.models import InboundEvent, InboundKey
from webhooks.retention import prune

PUSH = {"repository": {"full_name": "my-org/asset-repo"}, "ref": "refs/heads/main"}


@pytest.fixture
def received(alice: User) -> InboundEvent:
    connect(alice, "github")
    send_github(PUSH, delivery="delivery-0001")
    return InboundEvent.objects.get()


def test_a_received_event_is_shown_and_cannot_be_written(admin_client: Any, received: InboundEvent) -> None:
    address = f"/admin/webhooks/inboundevent/{received.pk}/"
    page = admin_client.get(f"{address}change/").content.decode()
    assert "my-org/asset-repo" in page
    assert SECRET not in page
    assert admin_client.post(f"{address}change/", {"name": "other"}).status_code == 403
    assert admin_client.post(f"{address}delete/", {"post": "yes"}).status_code == 403


def test_it_is_found_by_id_name_delivery_and_owner(admin_client: Any, received: InboundEvent, bob: User) -> None:
    connect(bob, "github", repository="bobs-repo")
    send_github({"repository": {"full_name": "my-org/bobs-repo"}}, event="release", delivery="delivery-0002")
    for term in (received.public_id, "github.push", "delivery-0001", "alice"):
        page = admin_client.get("/admin/webhooks/inboundevent/", {"q": term}).content.decode()
        assert received.public_id in page
        assert "delivery-0002" not in page


def test_it_is_pruned_with_its_event_and_also_without_one(received: InboundEvent, alice: User) -> None:
    services.set_active(alice, "github", False)
    send_github(PUSH, delivery="delivery-0002")
    assert prune(timezone.now() - timedelta(hours=1)) == 0
    assert InboundEvent.objects.count() == 2
    assert prune(timezone.now() + timedelta(hours=1)) == 1
    assert not InboundEvent.objects.exists()
    assert not Event.objects.exists()


def test_it_goes_with_its_owner(received: InboundEvent, alice: User) -> None:
    alice.delete()
    assert not InboundEvent.objects.exists()
    assert not InboundKey.objects.exists()

from typing import Any

import pytest
from django.db import connection, transaction

from integrations import services
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.models import Event
from invenicum.events.publish import Draft, publish, publish_many
from tests.factories import connect_webhook
from webhooks.models import Delivery

Status = Integration.Status


def test_an_event_leaves_one_delivery_for_each_subscriber_of_its_owner(alice: User, bob: User) -> None:
    integration = connect_webhook(alice)
    connect_webhook(bob)
    event = publish(alice, "asset.created", {"assetId": "a"})
    delivery = Delivery.objects.get()
    assert (delivery.event, delivery.integration, delivery.owner) == (event, integration, alice)
    assert delivery.status == Delivery.Status.PENDING
    assert delivery.due_at is not None


def test_an_event_without_subscribers_leaves_none(alice: User) -> None:
    connect_webhook(alice, events=["asset.deleted"])
    publish(alice, "asset.created", {"assetId": "a"})
    assert Delivery.objects.count() == 0


def test_a_family_of_events_can_be_subscribed_to(alice: User) -> None:
    connect_webhook(alice, events=["asset.*", "github.push"])
    for name in ("asset.created", "github.push", "github.release", "report.ready"):
        publish(alice, name, {})
    assert sorted(Delivery.objects.values_list("event__name", flat=True)) == ["asset.created", "github.push"]


def test_when_the_change_is_undone_so_are_event_and_deliveries(alice: User) -> None:
    connect_webhook(alice)
    with transaction.atomic():
        publish(alice, "asset.created", {"assetId": "a"})
        transaction.set_rollback(True)
    assert Event.objects.count() == Delivery.objects.count() == 0


def test_a_paused_integration_gets_no_deliveries(alice: User) -> None:
    connect_webhook(alice)
    services.set_active(alice, "webhook", False)
    publish(alice, "asset.created", {"assetId": "a"})
    assert Delivery.objects.count() == 0


def test_what_was_pending_at_a_pause_waits_until_it_ends(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "a"})
    services.set_active(alice, "webhook", False)
    assert Delivery.objects.get().due_at is None
    services.set_active(alice, "webhook", True)
    assert Delivery.objects.get().due_at is not None


def test_an_integration_that_must_be_connected_again_gets_everything_once_it_is(alice: User) -> None:
    integration = connect_webhook(alice)
    services.change_status(integration, Status.NEEDS_RECONNECT)
    publish(alice, "asset.created", {"assetId": "a"})
    assert Delivery.objects.get().due_at is None
    services.change_status(integration, Status.ACTIVE)
    assert Delivery.objects.get().due_at is not None


def test_deleting_an_integration_cancels_what_is_pending(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "a"})
    services.delete_integration(alice, "webhook")
    delivery = Delivery.objects.get()
    assert delivery.status == Delivery.Status.CANCELLED
    assert delivery.finished_at is not None


def test_a_new_connection_after_a_deletion_does_not_inherit_deliveries(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "a"})
    services.delete_integration(alice, "webhook")
    connect_webhook(alice)
    publish(alice, "asset.updated", {"assetId": "a"})
    statuses = dict(Delivery.objects.values_list("event__name", "status"))
    assert statuses == {"asset.created": "cancelled", "asset.updated": "pending"}


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite takes few values in one statement")
def test_a_batch_of_many_owners_costs_as_many_statements_as_one_event(
    alice: User, bob: User, django_assert_num_queries: Any
) -> None:
    connect_webhook(alice)
    connect_webhook(bob)
    # events, subscribers, deliveries; PostgreSQL gets the last with COMMIT
    statements = 2 if connection.vendor == "postgresql" else 3
    with django_assert_num_queries(statements):
        publish_many([Draft(alice, "asset.created", {"assetId": "a"})])
    with django_assert_num_queries(statements):
        publish_many([Draft(owner, "asset.created", {"assetId": str(n)}) for n in range(100) for owner in (alice, bob)])
    assert Delivery.objects.count() == 201

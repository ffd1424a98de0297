"""The admin's lists of deliveries and integrations: what an operator filters by, and what a page costs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from invenicum.ids import first_id_at
from tests.factories import connect_webhook
from webhooks.models import Delivery

DELIVERIES = "/admin/webhooks/delivery/"


@pytest.fixture
def log(alice: User, bob: User) -> None:
    """Alice: a delivery that timed out and one that succeeded. Bob: one that was refused, ten days ago."""
    for owner in (alice, bob):
        connect_webhook(owner)
    publish(alice, "asset.created", {"assetId": "a"})
    Delivery.objects.update(error_class="timeout", error="No answer within 15 s")
    publish(alice, "asset.updated", {"assetId": "a"})
    Delivery.objects.filter(error_class="").update(status="delivered", due_at=None)
    publish(bob, "asset.deleted", {"assetId": "a"})
    refused = Delivery.objects.filter(owner=bob)
    old = first_id_at(timezone.now() - timedelta(days=10))
    refused.update(id=old, status="failed", due_at=None, error_class="http", status_code=410)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["deleted", "updated", "created"]),
        ({"error_class": "any"}, ["deleted", "created"]),
        ({"error_class": "timeout"}, ["created"]),
        ({"error_class": "http", "status_code": "410"}, ["deleted"]),
        ({"type": "webhook", "status__exact": "delivered"}, ["updated"]),
        ({"type": "slack"}, []),
        ({"age": "hour"}, ["updated", "created"]),
        ({"age": "older"}, ["deleted"]),
        ({"q": "bob@example"}, ["deleted"]),
        ({"q": "no-such-owner"}, []),
    ],
)
def test_deliveries_are_found_by_error_service_age_and_owner(
    admin_client: Client, log: None, query: dict[str, str], names: list[str]
) -> None:
    page = admin_client.get(DELIVERIES, query).content.decode()
    assert {name for name in ("created", "updated", "deleted") if f">asset.{name}</a>" in page} == set(names)


def test_a_delivery_is_found_by_its_id(admin_client: Client, log: None) -> None:
    delivery = Delivery.objects.filter(error_class="timeout").get()
    page = admin_client.get(DELIVERIES, {"q": delivery.public_id}).content.decode()
    assert "timeout: No answer within 15 s" in page
    assert ">asset.updated</a>" not in page


def test_a_list_reads_few_statements_and_counts_no_more_than_it_shows(
    admin_client: Client, log: None, django_assert_max_num_queries: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invenicum.admin.COUNT_MOST_ROWS", 2)
    with django_assert_max_num_queries(9):
        page = admin_client.get(DELIVERIES).content.decode()
    assert "2 deliveries" in page


def test_an_integration_leads_to_its_deliveries_grant_changes_and_owner(
    admin_client: Client, log: None, alice: User
) -> None:
    integration = Integration.objects.get(owner=alice)
    page = admin_client.get(f"/admin/integrations/integration/{integration.pk}/change/").content.decode()
    for address in (
        f"{DELIVERIES}?integration__exact={integration.pk}",
        f"/admin/oauth_flows/grant/?integration__exact={integration.pk}",
        "/admin/audit/auditentry/?target=integration%3A",
        f"/admin/accounts/user/{alice.pk}/change/",
    ):
        assert f'href="{address}' in page
        assert admin_client.get(address).status_code == 200
    theirs = admin_client.get(f"{DELIVERIES}?integration__exact={integration.pk}").content.decode()
    assert ">asset.created</a>" in theirs
    assert ">asset.deleted</a>" not in theirs


def test_a_user_leads_to_everything_that_is_theirs(admin_client: Client, log: None, bob: User) -> None:
    page = admin_client.get(f"/admin/accounts/user/{bob.pk}/change/").content.decode()
    for address in (
        f"/admin/integrations/integration/?owner__id__exact={bob.pk}",
        f"{DELIVERIES}?owner__id__exact={bob.pk}",
        f"/admin/audit/auditentry/?owner__id__exact={bob.pk}",
        f"/admin/actions/revoke-user/?id={bob.pk}",
    ):
        assert f'href="{address}"' in page
        assert admin_client.get(address).status_code == 200, address

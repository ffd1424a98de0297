"""Deliveries of connected integrations, through the real engine."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from oauth_flows import refresh
from oauth_flows.clients import client_for
from oauth_flows.code_exchange import Connection
from oauth_flows.connect import connect
from oauth_flows.models import Grant
from oauth_flows.protocol import Tokens
from tests.factories import connect_webhook
from tests.fakes.dropbox import error_answer
from tests.fakes.http_server import json_answer, reset
from tests.fakes.token_server import TokenServer
from tests.oauth_flows.connected import connect_dropbox
from tests.waiting import wait_until
from webhooks.engine.worker import drain
from webhooks.models import Attempt, Delivery

pytestmark = pytest.mark.django_db(transaction=True)


def publish(owner: User, count: int = 1) -> None:
    publish_many(
        Draft(owner, "asset.created", {"assetId": f"asset-{number}", "name": "Chair"}) for number in range(count)
    )


def statuses() -> list[str]:
    return list(Delivery.objects.values_list("status", flat=True))


def drain_all() -> None:
    """Drains until every delivery that is due has been tried."""

    def are_all_tried() -> bool:
        drain()
        return not Delivery.objects.filter(status="pending", due_at__isnull=False, attempt_count=0).exists()

    wait_until(are_all_tried, "every delivery has been tried")


def test_a_batch_needs_one_refresh_and_waiting_counts_no_attempt(dropbox: TokenServer, alice: User) -> None:
    dropbox.seconds = 0.3
    connect_dropbox(alice, expires_in=-60)
    publish(alice, 20)
    drain_all()
    assert statuses() == ["delivered"] * 20
    assert dropbox.refreshes == 1
    assert len(dropbox.uploads) == 20
    assert Attempt.objects.count() == 20


def test_a_folder_that_is_refused_costs_no_refresh(dropbox: TokenServer, alice: User) -> None:
    dropbox.refuses = error_answer(409, "path", "access_restricted")
    connect_dropbox(alice)
    publish(alice)
    drain_all()
    assert statuses() == ["pending"]
    assert "restricted" in Delivery.objects.get().error
    assert dropbox.refreshes == 0


def test_a_token_refused_during_a_delivery_is_refreshed_and_the_delivery_succeeds(
    dropbox: TokenServer, alice: User
) -> None:
    dropbox.number = 2
    connect_dropbox(alice)
    Grant.objects.update(tokens={"access": "access-1", "refresh": "refresh-2"})
    publish(alice)
    drain()
    assert statuses() == ["delivered"]
    assert Attempt.objects.count() == 1
    assert dropbox.refreshes == 1


def test_a_refusal_stops_the_deliveries_and_a_new_connection_resumes_them(dropbox: TokenServer, alice: User) -> None:
    dropbox.revoked = True
    connect_dropbox(alice, expires_in=-60)
    publish(alice, 3)
    drain_all()
    assert Integration.objects.get().status == "needs_reconnect"
    assert statuses() == ["pending"] * 3
    assert not Delivery.objects.filter(due_at__isnull=False).exists()
    publish(alice)  # an event that is published now waits as well
    dropbox.revoked = False
    reconnect(alice)
    drain_all()
    assert statuses() == ["delivered"] * 4


def reconnect(owner: User) -> None:
    answer = Tokens(access="access-1", refresh="refresh-1", expires_in=3600, scopes=None, answer={})
    connect(owner, client_for("dropbox"), Connection(answer, "ada@example.com"))


def test_no_attempt_shows_what_the_token_endpoint_answered(dropbox: TokenServer, alice: User) -> None:
    connect_dropbox(alice, expires_in=-60)
    publish(alice)
    answer = dropbox.handler
    dropbox.handler = lambda request: answer(request) if request.path == "/token" else reset
    drain()
    attempt = Attempt.objects.get()
    assert attempt.error_class == "reset"
    assert attempt.response_excerpt == ""


def test_a_delivery_waits_while_another_worker_refreshes_its_token(dropbox: TokenServer, alice: User) -> None:
    connect_dropbox(alice, expires_in=-60)
    Grant.objects.update(leased_until=timezone.now() + refresh.REFRESH_LEASE_MARGIN)
    publish(alice)
    drain(seconds=0.5)
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempt_count) == ("pending", 0)
    assert delivery.due_at
    assert delivery.due_at > timezone.now()
    assert Attempt.objects.count() == 0
    assert dropbox.refreshes == 0


def test_tokens_that_cannot_be_decrypted_fail_only_their_own_deliveries(
    dropbox: TokenServer, alice: User, bob: User
) -> None:
    broken = connect_dropbox(alice)
    connect_dropbox(bob)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE oauth_flows_grant SET tokens = %s WHERE id = %s", [b"nonsense", broken.pk])
    publish(alice)
    publish(bob)
    drain()
    assert Delivery.objects.get(owner=bob).status == "delivered"
    waiting = Delivery.objects.get(owner=alice)
    assert waiting.status == "pending"
    assert "cannot be decrypted" in waiting.error


def test_integrations_without_a_grant_cost_no_further_statement(dropbox: TokenServer, alice: User) -> None:
    dropbox.handler = lambda request: json_answer(200, {})
    connect_webhook(alice, f"{dropbox.url}/hook")
    publish(alice)
    with CaptureQueriesContext(connection) as queries:
        drain()
    assert statuses() == ["delivered"]
    assert not [query for query in queries.captured_queries if "oauth_flows" in query["sql"]]

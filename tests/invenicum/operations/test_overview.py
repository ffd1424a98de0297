from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from integrations.models import Integration, ProviderJob
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from invenicum.operations import samples
from invenicum.operations.models import Sample
from invenicum.operations.overview_plots import SPANS, write_seconds
from tests.factories import OPEN_CIRCUIT, connect_webhook
from webhooks.models import Delivery, EngineHeartbeat, Lane, Replay

STATEMENTS = 17  # with those of the session, the second factor and the alerts


@pytest.fixture
def troubled(alice: User, bob: User) -> None:
    """Two samples, and something in each list."""
    now = timezone.now()
    EngineHeartbeat.objects.create(worker="worker-1", last_drain_at=now, mark=1, counters={})
    EngineHeartbeat.objects.create(worker="worker-2", last_drain_at=now - timedelta(hours=1), mark=2, counters={})
    for owner in (alice, bob):
        connect_webhook(owner)
        publish(owner, "asset.created", {"assetId": "a"})
    Delivery.objects.update(error="No answer within 15 s", error_class="timeout")
    Lane.objects.update(**OPEN_CIRCUIT, held_until=now + timedelta(minutes=5))
    integration = Integration.objects.get(owner=alice)
    Integration.objects.filter(owner=alice).update(problem="It does not answer.", problem_fault="service")
    Integration.objects.create(owner=bob, type="github", status="needs_reconnect", stop_reason="revoked")
    Replay.objects.create(
        owner=alice, integration=integration, since=now, until=now, total=7, queued=3, last_id=integration.pk
    )
    ProviderJob.objects.create(
        kind="save", type="gitlab", integration_id=integration.pk, owner_id=alice.pk, attempt_count=5, due_at=now
    )
    samples.take_due(now - timedelta(minutes=1))
    EngineHeartbeat.objects.filter(mark=1).update(counters={"attempts": {"retried|timeout|service": 4}})
    samples.take_due(now)


def test_it_shows_what_does_not_work(troubled: None, admin_client: Client) -> None:
    page = admin_client.get("/admin/").content.decode()
    for words in (
        "Attempts by outcome",
        "Event to wire",
        "Queue by state",
        "Oldest undelivered",
        "Errors by class",
        "Open circuits",
    ):
        assert f"<h2>{words}</h2>" in page
    assert page.count("as a table") == 6
    assert "<dt>workers alive</dt><dd>1 of 2</dd>" in page
    assert '<td class="figure" data-label="Owners">2</td>' in page
    assert "No answer within 15 s" in page
    assert "It does not answer." in page
    assert "3 of 7" in page
    assert "GitLab" in page
    assert "status__exact=needs_reconnect" in page
    assert "worker-2" in page
    assert "silent" in page


@pytest.mark.parametrize("span", [span.name for span in SPANS])
def test_each_range_is_read_in_a_fixed_number_of_statements(
    troubled: None, admin_client: Client, span: str, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    with django_assert_max_num_queries(STATEMENTS):
        answer = admin_client.get("/admin/", {"span": span})
    assert f'<a href="?span={span}" aria-current="true">' in answer.content.decode()


def test_without_samples_it_says_what_to_look_at(admin_client: Client) -> None:
    page = admin_client.get("/admin/").content.decode()
    assert "No figures yet" in page
    assert "No worker runs: nothing is delivered." in page


def test_old_samples_are_not_shown_as_the_present(troubled: None, admin_client: Client) -> None:
    for sample in Sample.objects.order_by("at"):
        Sample.objects.filter(pk=sample.pk).update(at=sample.at - timedelta(hours=1))
    page = admin_client.get("/admin/").content.decode()
    assert "There are no fresh figures" in page
    assert '<dl class="figures">' not in page


def test_staff_who_may_not_view_samples_get_what_they_may_view(client: Client, bob: User, troubled: None) -> None:
    bob.is_staff = True
    bob.save()
    client.force_login(bob)
    page = client.get("/admin/").content.decode()
    assert "worker-1" not in page
    assert "permission to view or edit anything" in page
    bob.user_permissions.set(Permission.objects.filter(codename="view_sample"))
    page = client.get("/admin/").content.decode()
    assert "worker-1" in page
    assert "/admin/webhooks/delivery/" not in page


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 s"),
        (0.043, "0.043 s"),
        (9.4, "9.4 s"),
        (75, "75 s"),
        (1800, "30 min"),
        (9000, "2.5 h"),
        (259_200, "3 d"),
    ],
)
def test_seconds_are_written_as_people_say_them(seconds: float, words: str) -> None:
    assert write_seconds(seconds) == words

"""What a newer release has written to the database does not stop this one, to which an operator can go back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from integrations.models import Integration, IntegrationChange
from invenicum.accounts.models import User
from invenicum.audit.models import AuditEntry
from invenicum.events.publish import publish
from invenicum.operations.models import Alert
from tests.api_client import Api
from tests.factories import connect_webhook
from webhooks.models import Delivery, EngineHeartbeat, Replay

# What the newer release may have written to which column.
UNKNOWN: list[tuple[type[Model], str, Any]] = [
    (Integration, "type", "fax"),
    (Integration, "status", "suspended"),
    (Integration, "problem_fault", "network"),
    (Integration, "hook_status", "renewing"),
    (Integration, "config", {"url": "http://127.0.0.1:9/hook", "method": "POST", "compression": "zstd"}),
    (IntegrationChange, "status", "suspended"),
    (Delivery, "status", "expired"),
    (Delivery, "error_class", "quota"),
    (Replay, "what", "archive"),
    (Replay, "statuses", ["expired"]),
    (Replay, "filters", {"region": "eu"}),
    (AuditEntry, "action", "region_moved"),
    (Alert, "rule", "clock_skew"),
    (EngineHeartbeat, "counters", {"regions": {"eu": 5}, "attempts": {"sent|x|y|z": 1, "odd": 2}}),
]
API = ("/integrations/status", "/integrations/webhook", "/integrations/webhook/health", "/deliveries", "/events")
PORTAL = ("/portal", "/portal/services/webhook", "/portal/deliveries", "/portal/events", "/portal/services/fax")
ERROR = 500  # the first status that is an error of the service


@pytest.fixture
def rows(alice: User) -> None:
    """A row of each of the tables."""
    integration = connect_webhook(alice, events=["report.*"])
    publish(alice, "report.ready", {"n": 1})
    now = timezone.now()
    delivery = Delivery.objects.get()
    Delivery.objects.update(error="It failed.", error_class="http")
    times = {"since": now - timedelta(days=1), "until": now}
    Replay.objects.create(owner=alice, integration=integration, total=1, last_id=delivery.pk, **times)
    AuditEntry.objects.create(action=AuditEntry.Action.SIGNED_IN, owner=alice, actor=alice)
    Alert.objects.create(rule="engine_silent", figures={"minutes": 5}, since=now, found_at=now)
    EngineHeartbeat.objects.create(worker="w", last_drain_at=now)


@pytest.mark.parametrize(("model", "column", "value"), UNKNOWN, ids=lambda one: getattr(one, "__name__", str(one)))
def test_values_of_a_newer_release_break_no_answer_no_page_and_no_worker(
    rows: None, alice: User, bob: User, api: Api, model: type[Model], column: str, value: Any
) -> None:
    assert model._base_manager.update(**{column: value}) > 0
    connect_webhook(bob, events=["report.*"])
    publish(bob, "report.ready", {"n": 2})
    replay, delivery = Replay.objects.get(), Delivery.objects.get(owner=alice)
    person, staff = Client(raise_request_exception=False), Client(raise_request_exception=False)
    person.force_login(alice)
    staff.force_login(User.objects.create_superuser("operator"))
    caller = api(alice)
    caller.raise_request_exception = False
    addresses: list[tuple[Client, str]] = [(caller, f"/api/v1{path}") for path in API]
    addresses += [(caller, f"/api/v1/replays/{replay.public_id}"), (caller, f"/api/v1/deliveries/{delivery.public_id}")]
    addresses += [(person, path) for path in (*PORTAL, f"/portal/replays/{replay.public_id}")]
    addresses += [(person, f"/portal/deliveries/{delivery.public_id}"), (staff, "/admin/")]
    names = [f"{each._meta.app_label}/{each._meta.model_name}" for each in admin.site._registry]
    addresses += [(staff, f"/admin/{name}/") for name in names]
    addresses += [(staff, f"/admin/integrations/integration/{replay.integration_id}/change/")]
    broken = [path for client, path in addresses if client.get(path).status_code >= ERROR]
    call_command("deliver", once=True)
    assert broken == []
    assert Delivery.objects.get(owner=bob).attempt_count == 1

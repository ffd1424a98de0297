"""Workers that die in a flow that sends several deliveries: only the one at fault is set aside."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from integrations import services
from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.fakes.mixpanel import PROJECT_TOKEN, FakeMixpanel
from tests.faults.conftest import counts, on_postgresql
from tests.processes import Process, environment
from tests.waiting import wait_until
from webhooks.engine.current_delivery import CurrentDelivery, last_of
from webhooks.engine.metrics import total
from webhooks.engine.values import GROUP_MOST_DELIVERIES
from webhooks.models import Delivery, EngineHeartbeat

pytestmark = pytest.mark.django_db(transaction=True)

Status = Delivery.Status
# Runs the engine with a connector that ends the process at one event, whether it is alone or among others.
ENGINE = """
import os
import django; django.setup()
from integrations.connectors.mixpanel import Mixpanel
deliver, deliver_many = Mixpanel.deliver, Mixpanel.deliver_many
def alone(self, message, config, now):
    if b"poison" in message.body:
        os._exit(1)
    return deliver(self, message, config, now)
def together(self, messages, config, now):
    if any(b"poison" in message.body for message in messages):
        os._exit(1)
    return deliver_many(self, messages, config, now)
Mixpanel.deliver, Mixpanel.deliver_many = alone, together
from django.core.management import call_command
call_command("deliver")
"""


@on_postgresql
def test_of_deliveries_sent_together_only_the_one_at_which_workers_die_is_set_aside(
    alice: User, tmp_path: Path
) -> None:
    with FakeMixpanel() as fake:
        endpoints = json.dumps({"mixpanel": {"apiUrl": fake.url}})
        services.save_integration(alice, "mixpanel", {"projectToken": PROJECT_TOKEN})
        assets = [
            *(f"asset-{number}" for number in range(3)),
            "poison",
            *(f"asset-{number}" for number in range(3, 20)),
        ]
        publish_many([Draft(alice, "asset.created", {"assetId": asset}) for asset in assets])
        env = environment(PROVIDER_ENDPOINTS=endpoints)
        with Process(["-c", ENGINE], env, tmp_path / "engine.log") as process:
            wait_until(lambda: counts() == {Status.DELIVERED: 20, Status.FAILED: 1}, "only one is set aside")
            assert process.process.poll() is None, process.output()
        assert len(fake.recorded) == 20
    failed = Delivery.objects.select_related("event").get(status=Status.FAILED)
    assert "poison" in failed.event.body
    assert "the worker that sent it crashed 3 times" in failed.error
    faults = total(EngineHeartbeat.objects.values_list("counters", flat=True)).faults
    assert (faults["worker_died"], faults["delivery_set_aside"]) == (3, 1)


def test_what_a_worker_worked_on_is_known_after_it_whether_it_was_one_or_many() -> None:
    ids = [f"{number:036d}" for number in range(GROUP_MOST_DELIVERIES)]
    current = CurrentDelivery(7)
    process = os.getpid()

    def known() -> Any:
        return last_of(process, 7)

    assert known() == []
    with current.working_on("".join(ids)):
        assert known() == ids
        assert last_of(process, 8) == [], "of another worker, whose process had the same id"
    assert known() == []
    with current.working_on(ids[5]):
        assert known() == [ids[5]], "and nothing of the group before"

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.factories import OPEN_CIRCUIT, connect_webhook
from webhooks import duties, replays
from webhooks.models import Delivery, Lane


def test_a_job_that_fails_does_not_stop_the_others(alice: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    # A type whose connector has been removed: its owner cannot be notified.
    lost = connect_webhook(bob)
    Lane.objects.filter(pk=lost.pk).update(**OPEN_CIRCUIT)
    Integration.objects.filter(pk=lost.pk).update(type="fax", failing_since=now)
    connect_webhook(alice)
    publish_many([Draft(alice, "asset.created", {"assetId": f"asset-{n}"}) for n in range(4)])
    Delivery.objects.update(status=Delivery.Status.FAILED, due_at=None)
    monkeypatch.setattr(replays, "REPLAY_BATCH_DELIVERIES", 2)
    replays.start(alice, "webhook", now - timedelta(hours=1), None, ["failed"])
    duties.run_all()
    assert Delivery.objects.filter(status=Delivery.Status.PENDING).count() == 4

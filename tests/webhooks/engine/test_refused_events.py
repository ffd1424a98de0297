"""Events that a service refuses: each ends at once, the others go on, and several in a row are told to the owner."""

from __future__ import annotations

from datetime import timedelta

from django.core.mail import EmailMessage
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.events.publish import publish
from tests.api_client import Api
from tests.factories import connect_webhook
from tests.webhooks.engine.refusing_endpoint import Endpoint, many, read
from webhooks.engine.worker import drain
from webhooks.failure_alerts import watch
from webhooks.models import Delivery, Lane

Status = Delivery.Status


def test_refused_events_end_and_five_in_a_row_are_told(alice: User, api: Api, mailoutbox: list[EmailMessage]) -> None:
    with Endpoint(413) as endpoint:
        connect_webhook(alice, endpoint.url)
        many(alice, 4)
        drain()
        watch()
        assert (mailoutbox, read(api(alice))["statusReason"]) == ([], None)
        many(alice, 2)
        drain()
        watch()
        watch()
        [mail] = mailoutbox
        assert mail.subject == "Invenicum: Custom Webhook refuses events"
        assert "refused the last 6 events" in mail.body
        assert "/integrations/webhook/replay" in mail.body
        reason = "The last events were refused: The endpoint refused the request as too large: HTTP 413."
        assert read(api(alice))["statusReason"] == reason
        assert read(api(alice), "/health")["circuit"] == "closed"
        assert set(Delivery.objects.values_list("status", "attempt_count")) == {(Status.FAILED, 1)}

        endpoint.status = 200
        many(alice, 1)
        drain()
        watch()
        assert read(api(alice))["statusReason"] is None
        endpoint.status = 413
        many(alice, 5)
        drain()
        for hours, mails in ((0.5, 1), (1.1, 2), (3, 2)):
            watch(timezone.now() + timedelta(hours=hours))
            assert len(mailoutbox) == mails


def test_an_event_between_that_is_accepted_keeps_its_owner_from_being_told(
    alice: User, mailoutbox: list[EmailMessage]
) -> None:
    with Endpoint(413) as endpoint:
        connect_webhook(alice, endpoint.url)
        for _ in range(3):
            many(alice, 3)
            drain()
            endpoint.statuses["fits"] = 200
            publish(alice, "asset.created", {"assetId": "fits"})
            drain()
    watch()
    assert mailoutbox == []
    assert Lane.objects.get().rejections == 0

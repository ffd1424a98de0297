from typing import Any

from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from invenicum.events.models import Event
from invenicum.events.publish import publish
from tests.factories import connect_webhook
from webhooks.engine.worker import drain
from webhooks.models import Delivery

NEWS = {"event": "report.ready", "data": {}}


def test_a_webhook_that_points_at_this_service_is_refused(live_server: Any, alice: User) -> None:
    headers = {"Authorization": f"Bearer {issue_token(alice)}"}
    integration = connect_webhook(alice, f"{live_server.url}/events", events=["report.*"], headers=headers)
    publish(alice, "report.ready", {})
    drain()
    assert Event.objects.count() == 1
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.due_at) == ("pending", None)  # it waits for its owner
    integration.refresh_from_db()
    assert integration.status == "disabled"


def test_a_delivery_of_another_service_is_accepted(alice: User, api: Any) -> None:
    own = publish(alice, "report.ready", {}).public_id
    signed = {"X-Invenicum-Signature": "sha256=00", "webhook-id": own}
    assert api(alice).post("/events", NEWS, headers=signed).status_code == 410
    assert api(alice).post("/events", NEWS, headers={**signed, "webhook-id": "evt_" + "0" * 32}).status_code == 202
    assert api(alice).post("/events", NEWS, headers={"webhook-id": own}).status_code == 202

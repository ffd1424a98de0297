import json
from collections.abc import Callable
from typing import Any

import pytest

from integrations.models import Integration, ReservedSecret
from invenicum.accounts.models import User
from tests.fakes.http_server import FakeServer
from tests.integrations.connectors.examples import EXAMPLES
from tests.oauth_flows.connected import connect_dropbox
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db
Api = Callable[..., Any]
HOOK = {"url": "https://myservice.com/hook", "headers": {"Authorization": "Bearer token-here"}}


def post(client: Any, integration_type: str, config: dict[str, Any], query: str = "") -> Any:
    return client.post(f"/integrations/{integration_type}/preview{query}", {"config": config})


@pytest.mark.parametrize("integration_type", [name for name in EXAMPLES if name != "google_drive"])
def test_each_type_shows_the_same_saved_or_not(api: Api, alice: User, integration_type: str) -> None:
    client, config = api(alice), EXAMPLES[integration_type]
    before = post(client, integration_type, config)
    assert before.status_code == 200
    assert client.get(f"/integrations/{integration_type}/preview").status_code == 404
    client.post("/integrations", {"type": integration_type, "config": config})
    after = client.get(f"/integrations/{integration_type}/preview")
    shown = after.json()["data"]
    assert list(shown) == ["event", "eventId", "request"]
    assert list(shown["request"]) == ["method", "url", "headers", "body"]
    for name in ("method", "url"):
        assert shown["request"][name] == before.json()["data"]["request"][name]
    assert not Delivery.objects.exists()


def test_a_saved_integration_is_named_as_in_its_deliveries(api: Api, alice: User) -> None:
    client, config = api(alice), EXAMPLES["github"]
    client.post("/integrations", {"type": "github", "config": config})
    trailer = f"Invenicum-Integration: {Integration.objects.get().pk}"
    for answer in (client.get("/integrations/github/preview"), post(client, "github", config)):
        assert trailer in json.loads(answer.json()["data"]["request"]["body"])["message"]


def test_nothing_is_sent_and_nothing_is_stored(api: Api, alice: User) -> None:
    with FakeServer(lambda request: (200, {}, b"")) as server:
        assert post(api(alice), "webhook", {"url": server.url}).status_code == 200
        assert server.connections == 0
    assert not Integration.objects.exists()
    assert not ReservedSecret.objects.exists()


def test_a_connected_account_is_shown_without_its_token(api: Api, alice: User) -> None:
    grant = connect_dropbox(alice)
    answer = api(alice).get("/integrations/dropbox/preview")
    assert answer.json()["data"]["request"]["headers"]["Authorization"] == "Bearer •••"
    assert grant.access_token not in answer.content.decode()


def test_a_template_is_shown_with_an_event_of_ones_own(api: Api, alice: User, bob: User) -> None:
    client = api(alice)
    published = client.post("/events", {"event": "report.ready", "data": {"pages": 3}}).json()["data"]["id"]
    config = {**HOOK, "template": '{"text": "{{ data.pages }} pages", "event": "{{ event }}"}'}
    answer = post(client, "webhook", config, f"?event={published}").json()["data"]
    assert (answer["event"], answer["eventId"]) == ("report.ready", published)
    assert json.loads(answer["request"]["body"]) == {"text": "3 pages", "event": "report.ready"}
    assert answer["request"]["headers"]["Authorization"] == "Bearer •••"
    assert post(api(bob), "webhook", config, f"?event={published}").status_code == 404
    assert post(client, "webhook", config, "?event=evt_x").status_code == 400


def test_an_event_is_shown_only_with_the_scope_to_read_it(api: Api, alice: User) -> None:
    published = api(alice).post("/events", {"event": "report.ready", "data": {}}).json()["data"]["id"]
    api(alice).post("/integrations", {"type": "webhook", "config": HOOK})
    client = api(alice, "integrations:read")
    assert client.get("/integrations/webhook/preview").status_code == 200
    assert client.get(f"/integrations/webhook/preview?event={published}").status_code == 403
    assert post(client, "webhook", HOOK).status_code == 403


def test_the_sample_is_one_that_the_configuration_asks_for(api: Api, alice: User) -> None:
    for events, shown in ((["asset.deleted"], "asset.deleted"), (["asset.*"], "asset.created")):
        answer = post(api(alice), "webhook", {**HOOK, "events": events}).json()["data"]
        assert answer["event"] == json.loads(answer["request"]["body"])["event"] == shown


def test_what_is_wrong_is_told_as_when_it_is_saved(api: Api, alice: User) -> None:
    answer = post(api(alice), "webhook", {**HOOK, "template": "{"})
    assert (answer.status_code, set(answer.json()["details"])) == (400, {"template"})
    assert post(api(alice), "fax", {}).status_code == 404


def test_a_kept_secret_is_not_shown(api: Api, alice: User) -> None:
    client = api(alice)
    client.post("/integrations", {"type": "webhook", "config": HOOK})
    answer = post(client, "webhook", {"url": HOOK["url"], "headers": {"Authorization": ""}})
    assert answer.json()["data"]["request"]["headers"]["Authorization"] == "Bearer •••"
    assert "token-here" not in answer.content.decode()


def test_charlie_sees_nothing(api: Api, alice: User, charlie: User) -> None:
    api(alice).post("/integrations", {"type": "webhook", "config": HOOK})
    assert api(charlie).get("/integrations/webhook/preview").status_code == 404

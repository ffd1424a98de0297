"""Databases of earlier releases, with data in every table, are migrated and go on with this one."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.contrib import admin

from tests.faults.conftest import Broker
from tests.golden.harness import TYPES
from tests.processes import beat, worker
from tests.upgrades import reading
from tests.upgrades.caller import Caller
from tests.upgrades.instance import Instance
from tests.upgrades.next_release import SETTINGS
from tests.upgrades.recordings import Recording, read, recorded, restored
from tests.upgrades.world import RECEIVERS, World, is_signed
from tests.waiting import wait_until

SERVICES = [name for name in TYPES if name != "dropbox"]  # which Alice has deleted
PORTAL = ("", "/deliveries", "/events", "/verify", "/account", *(f"/services/{name}" for name in SERVICES))
CONSOLE = ("", "records/")
EVES = {"url": f"{RECEIVERS}/eve", "events": ["report.*"]}
SECOND_FACTOR = """
from invenicum.staff.models import RecoveryCodes
print(RecoveryCodes.objects.get().verify_token({code!r}))
"""


@pytest.mark.parametrize(("version", "vendor"), recorded())
def test_a_recorded_database_is_migrated_and_goes_on(version: str, vendor: str, tmp_path: Path) -> None:
    recording = read(version, vendor)
    with World() as world, restored(recording, tmp_path, world) as made, ExitStack() as running:
        made.manage("migrate", "-v0")
        assert_secrets_are_read(made, recording)
        if vendor == "postgresql":
            broker = Broker(tmp_path)
            broker.start()
            running.callback(broker.kill)
            made.env["CELERY_BROKER_URL"] = broker.url
        running.enter_context(made.serving())
        assert reading.differences(recording.kept["answers"], answers(made, recording), recording.moved_by) == []
        assert_pages_are_shown(made, recording)
        callers = {name: Caller(made.port, token) for name, token in recording.kept["tokens"].items()}
        start_workers(made, running)
        assert_what_waited_arrives(world, callers, recording)
        assert_what_was_stopped_goes_on(made, world, callers, recording)
        assert_jobs_are_done(world)
        made.manage("migrate", "-v0", DJANGO_SETTINGS_MODULE=SETTINGS)
        callers["bob"].post("/events", {"event": "report.ready", "data": {"n": 300}})
        wait_until(
            lambda: b'"n":300' in world.at("/bob")[-1].body, "it goes on with the migrations of the next release"
        )
        sent = {request.headers["webhook-id"] for _, request in world.received if "webhook-id" in request.headers}
        assert sent & set(reading.moved(recording.kept["delivered"], recording.moved_by)) == set()


def start_workers(made: Instance, running: ExitStack) -> None:
    if made.vendor == "sqlite":
        running.enter_context(made.process("manage.py", "deliver", log="deliver"))
        return
    running.enter_context(worker(made.env, made.folder / "worker.log"))
    running.enter_context(beat(made.env, made.folder / "beat.log", made.folder / "schedule"))


def answers(made: Instance, recording: Recording) -> reading.Answers:
    return reading.answers(made.port, recording.kept["tokens"])


def assert_secrets_are_read(made: Instance, recording: Recording) -> None:
    found = reading.secrets(made)
    expected = {reading.moved(key, recording.moved_by): value for key, value in recording.kept["encrypted"].items()}
    assert {key: found.get(key) for key in expected} == expected
    code = recording.kept["recovery codes"][0]
    assert made.run(SECOND_FACTOR.format(code=code)).endswith("True")


def assert_pages_are_shown(made: Instance, recording: Recording) -> None:
    browsers = {name: Caller(made.port, cookies=cookies) for name, cookies in recording.kept["cookies"].items()}
    lists = [f"{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry]
    pages = [("alice", f"//portal{path}") for path in PORTAL]
    pages += [("alice by a link", "//portal"), *(("operator", f"//admin/{path}") for path in (*CONSOLE, *lists))]
    assert {(who, path): status for who, path in pages if (status := browsers[who].get(path).status) != 200} == {}


def assert_what_waited_arrives(world: World, callers: dict[str, Caller], recording: Recording) -> None:
    """What was leased by a killed worker, what waited for a retry, and what is published now, in order and signed."""
    bob = callers["bob"]
    for number in range(200, 204):
        body = {"event": "report.ready", "data": {"n": number, "assetId": f"asset-{number % 2}"}}
        bob.post("/events", body)
    again = bob.ask(
        "POST", "/events", {"event": "report.ready", "data": {"n": 12, "assetId": "asset-0"}}, Idempotency_Key="bob-12"
    )
    assert (again.status, again.json["data"]["id"]) == (202, recording.kept["keyed"])
    expected = [*range(100, 108), *range(200, 204)]
    wait_until(lambda: len(world.at("/bob")) >= len(expected), "Bob's arrive")
    wait_until(lambda: len(world.at("/charlie")) >= 3, "Charlie's are tried again")
    wait_until(lambda: len(world.at("/heidi")) >= 3, "Heidi's replay goes on")
    numbers = [json.loads(request.body)["data"]["n"] for request in world.at("/bob")]
    assert sorted(numbers) == expected
    for remainder in range(2):
        assert [n for n in numbers if n % 2 == remainder] == [n for n in expected if n % 2 == remainder]
    for name in ("bob", "charlie", "heidi"):
        requests = world.at(f"/{name}")
        assert all(is_signed(request, recording.kept["secrets"][name]) for request in requests), name
    wait_until(lambda: feed(bob)[-4:] == [200, 201, 202, 203], "the feed has the new ones at its end")
    assert [n for n in feed(bob) if n < 200] == [*range(13), *range(100, 108)]


def feed(caller: Caller) -> list[int]:
    return [event["data"]["n"] for event in caller.get("/events?limit=100").json["data"] if "n" in event["data"]]


def assert_what_was_stopped_goes_on(
    made: Instance, world: World, callers: dict[str, Caller], recording: Recording
) -> None:
    erin, dora = callers["erin"], callers["dora"]
    resumed = erin.ask("PATCH", "/integrations/webhook", {"isActive": True})
    assert resumed.json["data"]["missed"]["count"] == 4, resumed.text
    erin.post("/integrations/webhook/backfill", {"what": "missed"})
    failed = dora.get("/deliveries?status=failed").json["data"]
    for delivery in failed:
        dora.post(f"/deliveries/{delivery['id']}/retry")
    wait_until(lambda: len(world.at("/dora")) == len(failed) == 3, "Dora's are sent again")
    wait_until(lambda: len(world.at("/erin")) == 5, "Erin's ping and what she has missed arrive")
    eve = callers["eve of Invenicum"]
    assert eve.ask("POST", "/integrations", {"type": "webhook", "config": EVES}).status == 200
    service = callers["the service"]
    service.post("/events", {"event": "report.ready", "data": {}, "owner": "user-456"})
    wait_until(lambda: world.at("/eve"), "an event of the recorded service arrives at the recorded user of Invenicum")


def assert_jobs_are_done(world: World) -> None:
    """What was owed to providers: a revocation with a recorded token, and a refresh of another."""
    wait_until(lambda: world.at("/dropbox/revoke"), "the tokens of a deleted connection are revoked")
    wait_until(lambda: world.at("/google_drive/token"), "tokens are refreshed")
    assert b"refresh-of-good" in world.at("/google_drive/token")[0].body

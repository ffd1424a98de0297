"""What happens at an instance before it is recorded, so that every kind of row is there and in every state.

Alice has an integration of each type. Each of the others has a webhook in another state: Bob's is ordered and has
deliveries that a killed worker had leased, Charlie's wait for a retry, Dora's were refused, Erin's is paused, Frank's
is disabled, Grace has deleted hers and has to connect Google Drive again, Heidi's are sent again by a replay that is
under way.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.golden import signatures
from tests.golden.harness import app_token
from tests.integrations.connectors.examples import EXAMPLES
from tests.upgrades.caller import API, Caller
from tests.upgrades.instance import KEYS, Instance
from tests.upgrades.people import HOLD, MAKE_MORE, MAKE_PEOPLE
from tests.upgrades.world import OAUTH_TYPES, RECEIVERS, World
from tests.waiting import wait_until

REFUSALS = {"/dora": 413, "/charlie": 503, "/frank": 410}
TRIED, TRIED_INTEGRATIONS = ("erin", "grace", "heidi", "charlie", "dora"), 15
FAR = 4_102_444_800  # 2100-01-01, in Unix seconds: tokens of Invenicum that are recorded expire then
Kept = dict[str, Any]


def tell(instance: Instance, world: World) -> Kept:
    """Lets everything happen. Returns what an instance shows once: tokens, cookies, secrets and a keyed request.

    The web server runs, the worker is killed.
    """
    kept: Kept = json.loads(instance.run(MAKE_PEOPLE).splitlines()[-1])
    people = {name: Caller(instance.port, token) for name, token in kept["tokens"].items()}
    claims = {"userId": "456", "email": "eve@example.com", "name": "Eve", "exp": FAR}
    kept["tokens"]["eve of Invenicum"] = app_token(claims, KEYS["INVENICUM_JWT_SECRET"])
    people["eve"] = Caller(instance.port, kept["tokens"]["eve of Invenicum"])
    world.answers.update({path: (status, {}, b"no") for path, status in REFUSALS.items()})
    _connect(instance, people, kept)
    worker = instance.process("manage.py", "deliver", log="deliver")
    with worker:
        _publish(people, kept)
        _let_it_deliver(instance, world, people, kept)
        kept["delivered"] = [
            request.headers["webhook-id"] for name in ("bob", "grace") for request in world.at(f"/{name}")
        ]
        world.hanging.add("/bob")
        for number in range(8):
            _event(people["bob"], 100 + number, asset=f"asset-{number % 2}")
        wait_until(lambda: len(world.at("/bob")) > 12, "Bob's receiver hangs")
    _after_the_worker(instance, people)
    return kept


def _connect(instance: Instance, people: dict[str, Caller], kept: Kept) -> None:
    alice = people["alice"]
    for name in OAUTH_TYPES:
        _by_oauth(alice, name, "good")
    _by_oauth(people["grace"], "google_drive", "refused")
    for name, example in EXAMPLES.items():
        config = {**example, "url": f"{RECEIVERS}/alice", "secret": None} if name == "webhook" else dict(example)
        by_oauth = ("apiKey", "accessToken") if name in OAUTH_TYPES else ()
        given = {alias: value for alias, value in config.items() if value is not None and alias not in by_oauth}
        answer = alice.post("/integrations", {"type": name, "config": given})
        if name == "webhook":
            kept["secrets"] = {"alice": answer["signingSecret"]}
    for name in ("bob", "charlie", "dora", "erin", "frank", "grace", "heidi"):
        config = {"url": f"{RECEIVERS}/{name}", "events": ["report.*", "asset.*"], "ordered": name == "bob"}
        kept["secrets"][name] = people[name].post("/integrations", {"type": "webhook", "config": config})[
            "signingSecret"
        ]
    rotated = people["bob"].post("/integrations/webhook/secret/rotate")
    kept["secrets"]["bob before"], kept["secrets"]["bob"] = kept["secrets"]["bob"], rotated["signingSecret"]
    people["alice"].post("/integrations/oauth/start/github", {"returnUrl": "invenicum://back"})
    _by_a_link(people["heidi"], "github")  # which is not confirmed
    people["alice"].get("/integrations/oauth/authorize/dropbox")  # a flow that is not finished
    people["eve"].post("/integrations/test", {"type": "webhook", "config": {"url": f"{RECEIVERS}/eve"}})
    instance.run(HOLD)


def _by_oauth(caller: Caller, name: str, code: str) -> None:
    state = caller.get(f"/integrations/oauth/authorize/{name}").json["state"]
    token, caller.token = caller.token, ""
    reply = caller.get(f"/integrations/oauth/callback/{name}?state={state}&code={code}")
    assert reply.status < 400, reply.text
    caller.token, caller.cookies = token, {}


def _by_a_link(caller: Caller, name: str) -> None:
    link = caller.post(f"/integrations/oauth/start/{name}", {"returnUrl": "invenicum://back"})["startUrl"]
    browser = Caller(caller.port)
    asked = browser.ask("POST", link.partition(API)[2], [])
    [state] = parse_qs(urlsplit(asked.headers["location"]).query)["state"]
    reply = browser.get(f"/integrations/oauth/callback/{name}?state={state}&code=good")
    assert reply.headers["location"].startswith("invenicum://back?"), reply.text


def _event(caller: Caller, number: int, asset: str = "asset-0", **headers: str) -> Any:
    body = {"event": "report.ready", "data": {"n": number, "assetId": asset}}
    return caller.post("/events", body, **headers)


def _publish(people: dict[str, Caller], kept: Kept) -> None:
    alice = people["alice"]
    for number in range(4):
        body = {"assetId": f"asset-{number}", "name": f"Picture {number}.jpg", "tags": ["a", "ä"]}
        alice.post("/assets", body, Idempotency_Key=f"asset-{number}")
    alice.ask("PATCH", "/assets/asset-1", {"name": "Hero.jpg"})
    alice.ask("DELETE", "/assets/asset-2")
    for number in range(12):
        _event(people["bob"], number, asset=f"asset-{number % 2}")
    kept["keyed"] = _event(people["bob"], 12, Idempotency_Key="bob-12")["id"]
    for name in ("charlie", "dora", "erin", "grace", "heidi"):
        for number in range(3):
            _event(people[name], number)
    _event(people["frank"], 0)
    push = {"ref": "refs/heads/main", "repository": {"full_name": "my-org/asset-repo"}, "sender": {"login": "octocat"}}
    content = json.dumps(push).encode()
    anonymous = Caller(alice.port)
    assert anonymous.ask("POST", "//webhooks/github", content, **signatures.github()(content)).status < 300
    service = Caller(alice.port)
    form = [("grant_type", "client_credentials"), ("client_id", "service-client"), ("client_secret", "a-client-secret")]
    kept["tokens"]["the service"] = service.ask("POST", "//oauth/token", form).json["access_token"]
    service.token = kept["tokens"]["the service"]
    service.post("/events", {"event": "report.ready", "data": {}, "owner": "user-999"})
    assert service.ask("DELETE", "/accounts/user-999").status < 300
    link = alice.post("/portal/links", {})["url"]
    browser = Caller(alice.port)
    assert browser.ask("POST", "//portal/open", [("code", link.partition("#")[2])]).status == 303
    kept["cookies"]["alice by a link"] = browser.cookies


def _let_it_deliver(instance: Instance, world: World, people: dict[str, Caller], kept: Kept) -> None:
    wait_until(lambda: len(world.at("/bob")) == 13, "Bob's are delivered")
    wait_until(lambda: all(len(world.at(f"/{name}")) >= 3 for name in TRIED), "those of the others are tried")
    tried = (
        "SELECT count(DISTINCT integration_id) FROM webhooks_delivery WHERE error_class <> '' OR status = 'delivered'"
    )
    wait_until(lambda: instance.rows(tried)[0][0] >= TRIED_INTEGRATIONS, "each integration has tried something")
    stopped = "SELECT count(*) FROM integrations_integration WHERE status IN ('disabled', 'needs_reconnect')"
    wait_until(lambda: instance.rows(stopped) == [(2,)], "an integration is disabled, and one has to be reconnected")
    wait_until(lambda: instance.rows("SELECT 1 FROM operations_sample"), "the engine is sampled")
    assert people["erin"].ask("PATCH", "/integrations/webhook", {"isActive": False}).status == 200
    for number in range(3, 7):
        _event(people["erin"], number)
    people["erin"].post("/integrations/webhook/ping")
    again = {"since": "2020-01-01T00:00:00Z", "status": ["delivered"]}
    people["heidi"].post("/integrations/webhook/replay", again)
    wait_until(lambda: len(world.at("/heidi")) == 6, "a replay is sent")
    people["alice"].post("/integrations/webhook/backfill", {"what": "existing"})
    ended = "SELECT count(*) FROM webhooks_replay WHERE finished_at IS NOT NULL"
    wait_until(lambda: instance.rows(ended)[0][0] == 2, "replay and backfill have ended")
    summed = "SELECT count(*) FROM webhooks_hourlysum"
    wait_until(lambda: instance.rows(summed)[0][0] >= TRIED_INTEGRATIONS, "attempts are in the hourly sums")
    instance.run(MAKE_MORE)


def _after_the_worker(instance: Instance, people: dict[str, Caller]) -> None:
    """What is due when no worker runs any more: jobs, revocations, a replay, and deliveries."""
    people["heidi"].post("/integrations/webhook/replay", {"since": "2020-01-01T00:00:00Z", "status": ["delivered"]})
    assert people["grace"].ask("DELETE", "/integrations/webhook").status < 300
    assert people["alice"].ask("DELETE", "/integrations/dropbox").status < 300
    _event(people["alice"], 100)
    leased = "SELECT count(*) FROM webhooks_lane WHERE worker IS NOT NULL"
    assert instance.rows(leased)[0][0] > 0

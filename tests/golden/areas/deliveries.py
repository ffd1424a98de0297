"""The delivery log, one delivery, its retry; pings, health, and replays of a time range."""

from typing import Any

from ..harness import run_engine, set_receiver_answer, set_setting
from ..scenario import API, ActionStep, Step, delete, each, get, patch, post, queries
from .bodies import few_refused
from .integrations import ALL, save

LOG = f"{API}/deliveries"
EVENTS = f"{API}/events"
REPLAY = f"{ALL}/webhook/replay"
REPLAYS = f"{API}/replays"
SINCE_2020 = {"since": "2020-01-01T00:00:00Z"}
EVERY_STATUS = ["pending", "delivered", "failed", "cancelled"]
UNKNOWN_IDS = {
    "an unknown id": "dlv_" + "0" * 32,
    "an id of an event": "evt_" + "0" * 32,
    "an id too short": "dlv_0",
    "a word": "nonsense",
    "an id that is not hexadecimal": "dlv_" + "g" * 32,
    "a NUL": "dlv_%00",
    "an id with dashes": "dlv_" + "0-" * 16,
}


def _publish(title: str, event: str = "report.ready", **more: Any) -> Step:
    return post(title, EVENTS, {"event": event, "data": {"assetId": "asset-1"}}, **more)


# One delivered, one failed, one pending, one cancelled.
MAKING: list[Step] = [
    get("reading the log without deliveries", LOG),
    save("connecting a webhook", "webhook", {"url": "{receiver}/hook", "events": ["report.*", "asset.*"]}),
    get("reading the health of a new webhook", f"{ALL}/webhook/health"),
    ActionStep("the receiver accepts", set_receiver_answer("/hook", 200, b"thanks\n\0<b>")),
    _publish("publishing what is delivered", "asset.created"),
    get("reading the delivery that is due", LOG, keep={"delivered": "data.0.id"}),
    ActionStep("it is delivered", run_engine),
    ActionStep("the receiver breaks", set_receiver_answer("/hook", 500, b"broken: " + b"x" * 2000)),
    _publish("publishing what is retried", "report.ready"),
    ActionStep("it is attempted", run_engine),
    get("reading the delivery that is retried", f"{LOG}?status=pending", keep={"tried": "data.0.id"}),
    ActionStep("the schedule has one attempt", set_setting("RETRY_SCHEDULE", (0,))),
    ActionStep("the receiver refuses", set_receiver_answer("/hook", 413, b'{"error": "no"}')),
    _publish("publishing what fails", "report.failed"),
    ActionStep("it fails", run_engine),
    get("reading the delivery that failed", f"{LOG}?status=failed", keep={"failed": "data.0.id"}),
    get("reading the health of a webhook that fails", f"{ALL}/webhook/health"),
    get("reading the webhook that fails", f"{ALL}/webhook"),
    post("pinging", f"{ALL}/webhook/ping", keep={"ping": "data.id", "ping_event": "data.eventId"}),
    post("pinging at the root", "/integrations/webhook/ping"),
    post("pinging with a body, which is not read", f"{ALL}/webhook/ping", b"{", content_type="text/plain"),
    get("reading the status of the ping", f"{EVENTS}/{{ping_event}}"),
    patch("pausing", f"{ALL}/webhook", {"isActive": False}),
    post("pinging during the pause", f"{ALL}/webhook/ping", keep={"waiting": "data.id"}),
    get("reading the health of a paused webhook", f"{ALL}/webhook/health"),
    get("reading the delivery that waits", f"{LOG}/{{waiting}}"),
    post("retrying during the pause", f"{LOG}/{{failed}}/retry"),
    patch("resuming", f"{ALL}/webhook", {"isActive": True}),
    *(
        post(f"pinging {how}", f"{ALL}/{name}/ping", **more)
        for how, name, more in (
            ("what was not saved", "slack", {}),
            ("an unknown type", "fax", {}),
            ("as Charlie", "webhook", {"user": "charlie"}),
        )
    ),
    *(
        get(f"reading the health {how}", f"{ALL}/{name}/health", **more)
        for how, name, more in (
            ("of what was not saved", "slack", {}),
            ("of an unknown type", "fax", {}),
            ("as Charlie", "webhook", {"user": "charlie"}),
        )
    ),
    get("reading the health at the root", "/integrations/webhook/health"),
]
READING: list[Step] = [
    get("reading the log", LOG),
    get("reading the log at the root", "/deliveries"),
    get("reading the log as Charlie", LOG, user="charlie"),
    get("reading the first two deliveries", f"{LOG}?limit=2", keep={"next": "next"}),
    get("reading the next two deliveries", "{next}", keep={"next": "next", "previous": "previous"}),
    get("reading the previous page of the log", "{previous}"),
    get("reading the log by pages of a filter", f"{LOG}?status=pending&limit=1", keep={"next": "next"}),
    get("reading the next page of a filter", "{next}"),
    *queries(
        "reading the log",
        LOG,
        *(
            "type=webhook",
            "type=slack",
            "type=",
            "type=%C3%A9",
            "status=delivered",
            "status=failed",
            "status=pending",
            "status=cancelled",
        ),
        *(
            "event=asset.created",
            "event=ping",
            "event=",
            "event=asset.*",
            "since=2020-01-01T00:00:00Z",
            "since=2999-01-01T00:00:00Z",
        ),
        *(
            "until=2020-01-01T00:00:00Z",
            "until=2999-01-01T00:00:00Z",
            "since=2020-01-01T00:00:00%2B02:00&until=2999-01-01T00:00:00Z",
        ),
        *(
            "since=2999-01-01T00:00:00Z&until=2020-01-01T00:00:00Z",
            "type=webhook&status=delivered&event=asset.created",
            "status=failed&status=delivered",
        ),
        *(
            "status=lost",
            "status=",
            "status=Delivered",
            "status=delivered,failed",
            "since=yesterday",
            "since=",
            "since=2020-01-01T00:00:00",
        ),
        *(
            "since=2020-01-01T00:00:00+02:00",
            "until=1577836800",
            "colour=red",
            "colour=red&status=lost&since=x",
            "Type=webhook",
        ),
        *(
            "type=%00",
            "event=%00",
            "status=%00",
            "since=%00",
            "type=%ff",
            "limit=0",
            "limit=101",
            "limit=x",
            "limit=",
            "cursor=x",
            "cursor=",
        ),
        *("limit=0&colour=red", "limit=0&cursor=x", "integration_type=webhook", "[]=1", "="),
    ),
    *(
        get(f"reading the delivery that was {how}", f"{LOG}/{{{how}}}")
        for how in ("delivered", "tried", "failed", "waiting")
    ),
    get("reading a delivery at the root", "/deliveries/{delivered}"),
    get("reading a delivery as Charlie", f"{LOG}/{{delivered}}", user="charlie"),
    *(get(f"reading a delivery by {how}", f"{LOG}/{address}") for how, address in UNKNOWN_IDS.items()),
]
RETRYING: list[Step] = [
    ActionStep("the receiver accepts again", set_receiver_answer("/hook", 204)),
    post("retrying what failed", f"{LOG}/{{failed}}/retry"),
    post("retrying what was delivered", f"{LOG}/{{delivered}}/retry"),
    post("retrying at the root", "/deliveries/{tried}/retry"),
    post("retrying with a body, which is not read", f"{LOG}/{{tried}}/retry", b"{", content_type="text/plain"),
    post("retrying as Charlie", f"{LOG}/{{failed}}/retry", user="charlie"),
    *(post(f"retrying by {how}", f"{LOG}/{address}/retry") for how, address in UNKNOWN_IDS.items()),
    ActionStep("everything is delivered", run_engine),
    get("reading the delivery that was retried", f"{LOG}/{{failed}}"),
    get("reading the delivery that was delivered twice", f"{LOG}/{{delivered}}"),
    get("reading the health of a webhook that works again", f"{ALL}/webhook/health"),
    get("reading the webhook that works again", f"{ALL}/webhook"),
]
BODIES: dict[str, Any] = {
    "nothing": {},
    "no start": {"until": "2020-01-01T00:00:00Z"},
    "a start of null": {"since": None},
    "an invalid start": {"since": "yesterday"},
    "a start without a time": {"since": "2020-01-01"},
    "a start that is a number": {"since": 1577836800},
    "a start without a zone": {"since": "2020-01-01T00:00:00"},
    "an end of null": {**SINCE_2020, "until": None},
    "an invalid end": {**SINCE_2020, "until": "tomorrow"},
    "an end before the start": {**SINCE_2020, "until": "2019-01-01T00:00:00Z"},
    "a start in the year 1": {"since": "0001-01-01T00:00:00Z"},
    "an end in the year 9999": {**SINCE_2020, "until": "9999-12-31T23:59:59Z"},
    "every status": {**SINCE_2020, "status": EVERY_STATUS},
    "one status twice": {**SINCE_2020, "status": ["delivered", "delivered"]},
    "no status": {**SINCE_2020, "status": []},
    "a status of null": {**SINCE_2020, "status": None},
    "a status that is a text": {**SINCE_2020, "status": "failed"},
    "a status that is an object": {**SINCE_2020, "status": {"failed": True}},
    "an unknown status": {**SINCE_2020, "status": ["failed", "lost"]},
    "a status that is a number": {**SINCE_2020, "status": [5]},
    "a status that is null in a list": {**SINCE_2020, "status": [None]},
    "an unknown field": {**SINCE_2020, "colour": "red"},
    "a name in snake case": {**SINCE_2020, "dry_run": True},
    "everything wrong": {"dryRun": "perhaps", "status": ["lost", 5], "until": 1, "since": 2, "colour": 3},
}
DRY = {
    "true": True,
    "false in quotes": "false",
    "true in quotes": "true",
    "yes": "yes",
    "one": 1,
    "zero": 0,
    "one as a fraction": 1.0,
    "two": 2,
    "null": None,
    "an empty text": "",
    "a list": [],
    "on": "on",
    "t": "t",
    "TRUE": "TRUE",
}
REPLAYING: list[Step] = [
    # Dry runs, so that nothing is sent; a body's own `dryRun` comes later and takes precedence.
    *each("replaying", "POST", REPLAY, {how: {"dryRun": True, **body} for how, body in BODIES.items()}),
    *each(
        "replaying, with dryRun as",
        "POST",
        REPLAY,
        {how: {**SINCE_2020, "until": "2020-01-02T00:00:00Z", "dryRun": value} for how, value in DRY.items()},
    ),
    *few_refused("replaying", "POST", REPLAY, SINCE_2020),
    post(
        "counting with a dry run at the root",
        "/integrations/webhook/replay",
        {**SINCE_2020, "status": EVERY_STATUS, "dryRun": True},
    ),
    post("replaying what was not saved", f"{ALL}/slack/replay", SINCE_2020),
    post("replaying what was not saved, with an invalid body", f"{ALL}/slack/replay", {}),
    post("replaying an unknown type", f"{ALL}/fax/replay", SINCE_2020),
    post("replaying as Charlie", REPLAY, SINCE_2020, user="charlie"),
    post("replaying without failed deliveries", REPLAY, SINCE_2020, keep={"nothing": "data.id"}),
    get("reading an empty replay", f"{REPLAYS}/{{nothing}}"),
    delete("cancelling an empty replay", f"{REPLAYS}/{{nothing}}"),
    post("replaying everything", REPLAY, {**SINCE_2020, "status": EVERY_STATUS}, keep={"replay": "data.id"}),
    get("reading a replay", f"{REPLAYS}/{{replay}}"),
    get("reading a replay at the root", "/replays/{replay}"),
    get("reading a replay as Charlie", f"{REPLAYS}/{{replay}}", user="charlie"),
    post("replaying while a replay is under way", REPLAY, {**SINCE_2020, "status": EVERY_STATUS}),
    delete("cancelling a replay as Charlie", f"{REPLAYS}/{{replay}}", user="charlie"),
    ActionStep("everything is delivered again", run_engine),
    get("reading a replay that is done", f"{REPLAYS}/{{replay}}"),
    delete("cancelling a replay that is done", f"{REPLAYS}/{{replay}}"),
    patch("pausing before a replay", f"{ALL}/webhook", {"isActive": False}),
    post("replaying what was delivered", REPLAY, {**SINCE_2020, "status": ["delivered"]}, keep={"replay": "data.id"}),
    get("reading a replay that waits", f"{REPLAYS}/{{replay}}"),
    delete("cancelling a replay at the root", "/replays/{replay}"),
    delete("cancelling a replay again", f"{REPLAYS}/{{replay}}"),
    get("reading a replay that was cancelled", f"{REPLAYS}/{{replay}}"),
    get("reading the deliveries of a cancelled replay", f"{LOG}?status=cancelled&limit=2"),
    *(
        step
        for how, address in {**UNKNOWN_IDS, "an unknown id of a replay": "rpl_" + "0" * 32}.items()
        for step in (
            get(f"reading a replay by {how}", f"{REPLAYS}/{address}"),
            delete(f"cancelling a replay by {how}", f"{REPLAYS}/{address}"),
        )
    ),
    delete(
        "cancelling a replay with a body, which is not read",
        f"{REPLAYS}/{{replay}}",
        body=b"{",
        content_type="text/plain",
    ),
]
AFTERWARDS: list[Step] = [
    delete("deleting the webhook", f"{ALL}/webhook"),
    get("reading a delivery of a deleted webhook", f"{LOG}/{{failed}}"),
    post("retrying a delivery of a deleted webhook", f"{LOG}/{{failed}}/retry"),
    post("replaying a deleted webhook", REPLAY, SINCE_2020),
    get("reading a replay of a deleted webhook", f"{REPLAYS}/{{replay}}"),
    get("reading the health of a deleted webhook", f"{ALL}/webhook/health"),
    get("reading the log of a deleted webhook", f"{LOG}?type=webhook&limit=1"),
]
REFUSING = {"url": "{receiver}/hook", "events": ["asset.*"]}
# A target that refuses the service: its deliveries wait until it is corrected.
HELD: list[Step] = [
    ActionStep("the receiver refuses the credentials", set_receiver_answer("/hook", 403)),
    save("connecting a webhook that refuses", "webhook", REFUSING),
    post(
        "publishing what waits",
        EVENTS,
        {"events": [{"event": "asset.created", "data": {"assetId": f"asset-{number}"}} for number in range(3)]},
        keep={"held_event": "data.0.id"},
    ),
    ActionStep("it is held", run_engine),
    get("reading the health of a webhook that is held", f"{ALL}/webhook/health"),
    get("reading the webhook that is held", f"{ALL}/webhook"),
    get("reading the log of what waits", f"{LOG}?status=pending"),
    get("reading the status of an event that waits", f"{EVENTS}/{{held_event}}"),
    ActionStep("the receiver is corrected", set_receiver_answer("/hook", 204)),
    post("testing the webhook that is corrected", f"{ALL}/test", {"type": "webhook", "config": REFUSING}),
    get("reading the webhook that is corrected", f"{ALL}/webhook"),
    ActionStep("what waited is delivered", run_engine),
    get("reading the log of what waited", f"{LOG}?status=pending"),
]
STEPS: list[Step] = [*MAKING, *READING, *RETRYING, *REPLAYING, *AFTERWARDS, *HELD]

"""The feed of events, from which a receiver catches up, and the status of one event."""

from typing import Any

from ..harness import run_engine, set_receiver_answer, wait_for_feed
from ..scenario import API, ActionStep, Step, delete, get, patch, post, queries
from .examples import EXAMPLES
from .publishing import DATA, EVENTS, TIMES

NUMBERS = (1, 2, 3, 4, 5)


def _publish(title: str, event: str, data: dict[str, Any], name: str, **more: Any) -> Step:
    return post(title, EVENTS, {"event": event, "data": data}, keep={name: "data.id"}, **more)


def _save(title: str, integration_type: str, config: dict[str, Any], **more: Any) -> Step:
    return post(title, f"{API}/integrations", {"type": integration_type, "config": config, **more})


READING: list[Step] = [
    get("reading the feed without events", EVENTS),
    *(_publish(f"publishing event {n} of five", "report.ready", {"n": n}, f"event{n}") for n in NUMBERS),
    _publish("publishing an event of Bob's", "report.ready", {"n": 9}, "bobs", user="bob"),
    ActionStep("the feed is complete", wait_for_feed("alice", 5)),
    ActionStep("Bob's too", wait_for_feed("bob", 1)),
    get("reading the feed", EVENTS),
    get("reading the feed at the root", "/events"),
    get("reading the first two events", f"{EVENTS}?limit=2", keep={"next": "next"}),
    get("reading the next two events", "{next}", keep={"next": "next"}),
    get("reading the last event", "{next}"),
    get("reading exactly all events", f"{EVENTS}?limit=5"),
    get("reading after the third event", f"{EVENTS}?after={{event3}}"),
    get("reading after the last event", f"{EVENTS}?after={{event5}}"),
    get("reading after the first event, with a limit of one", f"{EVENTS}?limit=1&after={{event1}}&colour=red"),
    get("reading after an event of Bob's", f"{EVENTS}?after={{bobs}}"),
    get("reading after an event of Alice's as Bob", f"{EVENTS}?after={{event3}}", user="bob"),
    get("reading after an event of Alice's as Charlie, who has none", f"{EVENTS}?after={{event3}}", user="charlie"),
    get("reading after an id older than all events", f"{EVENTS}?limit=1&after=evt_{'0' * 32}"),
    get("reading after an id newer than all events", f"{EVENTS}?after=evt_{'f' * 32}"),
    *queries(
        "reading the feed",
        EVENTS,
        *("after=", "after=x", f"after=dlv_{'0' * 32}", f"after={'0' * 32}", f"after=evt_{'0' * 31}"),
        *(f"after=evt_{'g' * 32}", f"after=EVT_{'0' * 32}", "after=%00", "after=%ff", "limit=0", "limit=101"),
        *("limit=x", "limit=", "limit=0&after=x", "cursor=x&limit=1", "limit=1&limit=3"),
    ),
    get("reading the feed as Charlie, who has no event", EVENTS, user="charlie"),
]

# Published data is read back unchanged. As Charlie, so that Alice's feed stays short.
UNCHANGED: list[Step] = [
    *(
        post(f"publishing {how}", EVENTS, {"event": "report.ready", "data": data}, user="charlie")
        for how, data in DATA.items()
    ),
    *(
        post(f"publishing at {how}", EVENTS, {"event": "report.ready", "data": {}, "timestamp": moment}, user="charlie")
        for how, moment in list(TIMES.items())[:7]
    ),
    ActionStep("Charlie's feed is complete", wait_for_feed("charlie", len(DATA) + 7)),
    get("reading what was published unchanged", EVENTS, user="charlie"),
]

ASSETS: list[Step] = [
    post("creating an asset", f"{API}/assets", {"assetId": "asset-1", "name": "A", "tags": ["a"]}, user="bob"),
    patch("changing that asset", f"{API}/assets/asset-1", {"name": "B", "tags": ["b"], "url": "https://x"}, user="bob"),
    patch("changing that asset to the same name", f"{API}/assets/asset-1", {"name": "B"}, user="bob"),
    delete("deleting that asset", f"{API}/assets/asset-1", user="bob"),
    ActionStep("the feed has the asset's events", wait_for_feed("bob", 4)),
    get("reading what an asset's changes published", EVENTS, user="bob"),
]

STATUS: list[Step] = [
    get("reading one event", f"{EVENTS}/{{event1}}"),
    get("reading one event at the root", "/events/{event1}"),
    get("reading one event of Alice's as Charlie", f"{EVENTS}/{{event1}}", user="charlie"),
    *(
        get(f"reading one event by {how}", f"{EVENTS}/{address}")
        for how, address in {
            "an unknown id": f"evt_{'0' * 32}",
            "an id of a delivery": f"dlv_{'0' * 32}",
            "an id too short": "evt_0",
            "a word": "nonsense",
            "a NUL": "evt_%00",
            "an id in capitals": f"EVT_{'0' * 32}",
        }.items()
    ),
    _save("connecting a webhook", "webhook", {"url": "{receiver}/hook", "events": ["asset.*", "report.ready"]}),
    _save("connecting Slack", "slack", EXAMPLES["slack"]),
    _save("connecting Discord as paused", "discord", EXAMPLES["discord"], isActive=False),
    get("reading an event from before the connection", f"{EVENTS}/{{event1}}"),
    _publish("publishing an event for the webhook only", "report.ready", {"n": 6}, "event6"),
    get("reading an event that is pending", f"{EVENTS}/{{event6}}"),
    patch("pausing the webhook", f"{API}/integrations/webhook", {"isActive": False}),
    get("reading an event that waits until its integration is resumed", f"{EVENTS}/{{event6}}"),
    _publish("publishing during the pause", "report.ready", {"n": 7}, "event7"),
    patch("resuming the webhook", f"{API}/integrations/webhook", {"isActive": True}),
    get("reading an event that was published during the pause", f"{EVENTS}/{{event7}}"),
    delete("deleting Slack", f"{API}/integrations/slack"),
    ActionStep("the engine sends", run_engine),
    get("reading an event that was delivered", f"{EVENTS}/{{event6}}"),
    ActionStep("the receiver fails", set_receiver_answer("/hook", 500, b"broken")),
    _publish("publishing to a failing receiver", "report.ready", {"n": 8}, "event8"),
    ActionStep("the engine sends again", run_engine),
    get("reading an event that is retried", f"{EVENTS}/{{event8}}"),
    ActionStep("the receiver asks to wait", set_receiver_answer("/hook", 429, Retry_After="10800")),
    _publish("publishing to a busy receiver", "report.ready", {"n": 9}, "event9"),
    ActionStep("the engine sends a third time", run_engine),
    _publish("publishing while the receiver asks to wait", "report.ready", {"n": 10}, "event10"),
    get("reading an event whose receiver asks to wait", f"{EVENTS}/{{event9}}"),
    get("reading an event that is held back with it", f"{EVENTS}/{{event10}}"),
    ActionStep("the receiver is gone", set_receiver_answer("/gone", 410)),
    _save("moving the webhook to a receiver that is gone", "webhook", {"url": "{receiver}/gone", "ordered": True}),
    post(
        "publishing two events of one asset",
        EVENTS,
        {
            "events": [
                {"event": "asset.created", "data": {"assetId": "a-1"}},
                {"event": "asset.updated", "data": {"assetId": "a-1"}},
            ]
        },
        keep={"event11": "data.0.id", "event12": "data.1.id"},
    ),
    get("reading an event that waits for an earlier one", f"{EVENTS}/{{event12}}"),
    ActionStep("the engine sends to an address that is gone", run_engine),
    get("reading an event whose receiver was gone", f"{EVENTS}/{{event11}}"),
    get("reading an event that waits behind a disabled integration", f"{EVENTS}/{{event12}}"),
    _publish("publishing while it is disabled", "report.ready", {"n": 13}, "event13"),
    get("reading an event that was published while it was disabled", f"{EVENTS}/{{event13}}"),
    get("reading the disabled webhook", f"{API}/integrations/webhook"),
    delete("deleting the webhook", f"{API}/integrations/webhook"),
    get("reading an event whose integration was deleted while it waited", f"{EVENTS}/{{event12}}"),
    get("reading an event whose integration was deleted after the delivery", f"{EVENTS}/{{event6}}"),
]

STEPS: list[Step] = [*READING, *UNCHANGED, *ASSETS, *STATUS]

"""Backfills: counting and sending what an integration missed, and the assets that exist."""

from typing import Any

from ..harness import limit_backfills, run_engine, set_receiver_answer, set_setting
from ..scenario import API, ActionStep, Step, delete, each, get, patch, post
from .bodies import few_refused
from .deliveries import DRY, LOG, REPLAYS
from .integrations import ALL, save

BACKFILL = f"{ALL}/webhook/backfill"
MISSED, EXISTING = {"what": "missed"}, {"what": "existing"}
LONG_AGO = {"since": "2020-01-01T00:00:00Z"}
BODIES: dict[str, Any] = {
    "missed events": MISSED,
    "existing assets": EXISTING,
    "nothing": {},
    "all": {"what": "all"},
    "null": {"what": None},
    "a list": {"what": ["missed"]},
    "missed events since long ago": {**MISSED, **LONG_AGO},
    "existing assets since long ago": {**EXISTING, **LONG_AGO},
    "existing assets until long ago": {**EXISTING, "until": "2020-01-01T00:00:00Z"},
    "missed events until long ago": {**MISSED, "until": "2020-01-01T00:00:00Z"},
    "missed events until the year 9999": {**MISSED, "until": "9999-12-31T23:59:59Z"},
    "missed events since null": {**MISSED, "since": None, "until": None},
    "missed events since yesterday": {**MISSED, "since": "yesterday"},
    "missed events since a number": {**MISSED, "since": 5},
    "an unknown field": {**MISSED, "status": ["failed"]},
    "everything wrong": {"what": 5, "since": 1, "until": 2, "dryRun": "perhaps", "colour": 3},
}

STEPS: list[Step] = [
    ActionStep("events are kept for a day", set_setting("RETENTION_DAYS", 1.0)),
    ActionStep("backfills are not limited", limit_backfills("1000/min")),
    ActionStep("the receiver accepts", set_receiver_answer("/hook", 200)),
    post("creating an asset", f"{API}/assets", {"assetId": "asset-1", "name": "One"}, keep={"first": "data.id"}),
    post("creating another asset", f"{API}/assets", {"assetId": "asset-2", "name": "Two", "tags": ["a"]}),
    post("backfilling what was not saved", f"{ALL}/webhook/backfill", MISSED),
    post("backfilling what was not saved, with an invalid body", f"{ALL}/webhook/backfill", {}),
    post("backfilling an unknown type", f"{ALL}/fax/backfill", MISSED),
    save("connecting a webhook, which has missed both", "webhook", {"url": "{receiver}/hook"}),
    save("saving it again, when it has missed nothing more", "webhook", {"url": "{receiver}/hook"}),
    # Dry runs, so that nothing is sent; a body's own `dryRun` comes later and takes precedence.
    *each("counting", "POST", BACKFILL, {how: {"dryRun": True, **body} for how, body in BODIES.items()}),
    *each(
        "backfilling, with an invalid dryRun of",
        "POST",
        BACKFILL,
        {how: {**MISSED, "dryRun": DRY[how]} for how in ("two", "null", "an empty text", "a list")},
    ),
    *few_refused("backfilling", "POST", BACKFILL, MISSED),
    post("counting at the root", "/integrations/webhook/backfill", {**MISSED, "dryRun": "true"}),
    post("backfilling as Charlie", BACKFILL, MISSED, user="charlie"),
    save("connecting Mixpanel", "mixpanel", {"projectToken": "0123456789abcdef0123456789abcdef"}),
    post("sending existing assets to Mixpanel", f"{ALL}/mixpanel/backfill", EXISTING),
    post("counting existing assets for Mixpanel", f"{ALL}/mixpanel/backfill", {**EXISTING, "dryRun": True}),
    post("counting what Mixpanel missed", f"{ALL}/mixpanel/backfill", {**MISSED, "dryRun": True}),
    save("no longer subscribing to new assets", "webhook", {"url": "{receiver}/hook", "events": ["asset.deleted"]}),
    post("sending existing assets without a subscription", BACKFILL, EXISTING),
    save("subscribing to them again", "webhook", {"url": "{receiver}/hook"}),
    post("sending existing assets", BACKFILL, EXISTING, keep={"backfill": "data.id"}),
    post("sending missed events while a backfill is under way", BACKFILL, MISSED),
    get("reading a backfill", f"{REPLAYS}/{{backfill}}"),
    get("reading a backfill as Charlie", f"{REPLAYS}/{{backfill}}", user="charlie"),
    ActionStep("the assets are sent", run_engine),
    get("reading a backfill that is done", f"{REPLAYS}/{{backfill}}"),
    delete("cancelling a backfill that is done", f"{REPLAYS}/{{backfill}}"),
    get("reading the log of snapshots", LOG, keep={"snapshot": "data.0.id", "event": "data.0.eventId"}),
    get("reading the delivery of a snapshot", f"{LOG}/{{snapshot}}"),
    get("reading the status of a snapshot", f"{API}/events/{{event}}"),
    post("sending missed events", BACKFILL, {**MISSED, **LONG_AGO}, keep={"backfill": "data.id"}),
    delete("cancelling a backfill as Charlie", f"{REPLAYS}/{{backfill}}", user="charlie"),
    delete("cancelling a backfill", f"{REPLAYS}/{{backfill}}"),
    patch("pausing", f"{ALL}/webhook", {"isActive": False}),
    post("sending missed events during the pause", BACKFILL, MISSED, keep={"backfill": "data.id"}),
    patch("resuming, which tells what was missed", f"{ALL}/webhook", {"isActive": True}),
    patch("resuming what is active", f"{ALL}/webhook", {"isActive": True}),
    delete("deleting the webhook", f"{ALL}/webhook"),
    get("reading a backfill of a deleted webhook", f"{REPLAYS}/{{backfill}}"),
    post("backfilling a deleted webhook", BACKFILL, MISSED),
    ActionStep("backfills are limited", limit_backfills("1/min")),
    post("backfilling too often", BACKFILL, MISSED),
]

"""Requests that are sent again with an `Idempotency-Key`. Those of publishing are in `publishing.py`."""

from typing import Any

from ..harness import set_setting
from ..scenario import API, ActionStep, Step, get, post
from .integrations import ALL
from .publishing import keyed

ASSETS = f"{API}/assets"
ASSET = {"assetId": "asset-1", "name": "Hero.jpg"}
WEBHOOK = {"type": "webhook", "config": {"url": "{receiver}/hook"}}
PING = f"{ALL}/webhook/ping"
REPLAY = {"since": "2020-01-01T00:00:00Z", "status": ["pending"]}


def _repeated(what: str, path: str, body: Any = None) -> list[Step]:
    """A request, its repetition, and others with keys that are used, invalid or another user's."""
    content = {} if body is None else {"body": body}
    return [
        post(what, path, headers=keyed(what), **content),
        post(f"{what} again", path, headers=keyed(what), **content),
        post(f"{what} with the key of a ping", path, headers=keyed("ping"), **content),
        post(f"{what} with an invalid key", path, headers=keyed("a b"), **content),
        post(f"{what} with a key that another user used", path, headers=keyed(what), user="charlie", **content),
    ]


STEPS: list[Step] = [
    # So that the beginning of a backfill is near enough to be compared.
    ActionStep("events are kept for a day", set_setting("RETENTION_DAYS", 1.0)),
    post("connecting", ALL, WEBHOOK),
    post("pinging", PING, headers=keyed("ping"), keep={"ping": "data.id"}),
    post("pinging again", PING, headers=keyed("ping")),
    post("pinging with another body", PING, {"event": "ping"}, headers=keyed("ping")),
    post("pinging with an invalid key", PING, headers=keyed("a b")),
    *_repeated("saving", ALL, WEBHOOK),
    *_repeated("creating-an-asset", ASSETS, ASSET),
    *_repeated("rotating", f"{ALL}/webhook/secret/rotate"),
    *_repeated("replaying", f"{ALL}/webhook/replay", REPLAY),
    *_repeated("backfilling", f"{ALL}/webhook/backfill", {"what": "missed"}),
    *_repeated("retrying", f"{API}/deliveries/{{ping}}/retry"),
    get("the log after all repeats", f"{API}/deliveries"),
]

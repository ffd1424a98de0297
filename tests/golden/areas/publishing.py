"""Publishing events: one, several, for other owners, and the same request twice."""

from typing import Any

from ..harness import PEOPLE, set_setting
from ..scenario import API, ActionStep, Step, each, post
from .bodies import JSON_TYPES, mistyped, refused

EVENTS = f"{API}/events"
REPORT: dict[str, Any] = {"event": "report.ready", "data": {"title": "Weekly report"}}
CREATED: dict[str, Any] = {"event": "asset.created", "data": {"assetId": "asset-1", "name": "A"}}
SERVICE = {"user": "bob", "scopes": "events:write events:publish-any"}
ALICE, DORA = f"user-{PEOPLE['alice']}", f"user-{PEOPLE['dora']}"

NAMES = {
    "a name of one part": "ping",
    "a name of five parts": "a.b.c.d.e",
    "a name with digits and underscores": "a_1.b_2",
    "a name in capitals": "Report.Ready",
    "a name with a dash": "report-ready.now",
    "a name with a trailing dot": "report.",
    "a name with a leading dot": ".ready",
    "a name with two dots": "report..ready",
    "a name with a star": "report.*",
    "a name with a blank": "report. ready",
    "a name with a line break": "report.ready\n",
    "a name that is not ASCII": "bericht.fällig",
    "a name of 100 characters": "a." + "b" * 98,
    "a name too long": "a." + "b" * 99,
}
DATA: dict[str, Any] = {
    "no data at all": {},
    "numbers of every kind": {"a": 1.0, "b": 1e2, "c": 0.1, "d": 10**30, "e": -0.0, "f": 1e-7, "g": -5},
    "texts of every kind": {"é": "😀", "quote": '"\\/', "line": "a\nb", "u": "\u2028", "html": "<b>&</b>"},
    "nested data": {"a": [{"b": [1, None, True, {"c": {}}]}, []]},
    "names with a special meaning elsewhere": {"event": "x", "__proto__": {}, "": 1, "$ref": "#"},
}
ASSET_DATA: dict[str, Any] = {
    "no id": {"name": "A"},
    "an id of null": {"assetId": None},
    "an id that is a number": {"assetId": 5},
    "an empty id": {"assetId": ""},
    "an id with a slash": {"assetId": "a/b"},
    "an id of dots": {"assetId": ".."},
    "an id too long": {"assetId": "x" * 101},
    "an id in snake case": {"asset_id": "asset-1"},
}
TIMES: dict[str, Any] = {
    "a time in UTC": "2026-03-07T10:30:00Z",
    "a time with an offset": "2026-03-07T12:30:00+02:00",
    "a time with a negative offset": "2026-03-07T05:00:00-05:30",
    "a time in lower case": "2026-03-07t10:30:00z",
    "a time with a fraction": "2026-03-07T10:30:00.999999999Z",
    "a time in the year 9999": "9999-12-31T23:59:59Z",
    "a time in the year 1": "0001-01-01T00:00:00Z",
    "a time after the year 9999 in UTC": "9999-12-31T23:59:59-01:00",
    "a time in the year 0": "0000-01-01T00:00:00Z",
    "a time before the year 1 in UTC": "0001-01-01T00:00:00+01:00",
    "a time without a zone": "2026-03-07T10:30:00",
    "a time with a blank as separator": "2026-03-07 10:30:00Z",
    "a time with a short offset": "2026-03-07T10:30:00+02",
    "a time without seconds": "2026-03-07T10:30Z",
    "a date": "2026-03-07",
    "an invalid day": "2026-02-30T10:30:00Z",
    "an invalid hour": "2026-03-07T24:30:00Z",
    "a leap second": "2026-06-30T23:59:60Z",
    "a time with a trailing blank": "2026-03-07T10:30:00Z ",
    "a time in Arabic digits": "٢٠٢٦-03-07T10:30:00Z",
    "a Unix time": 1772879400,
    "a Unix time in quotes": "1772879400",
}
OWNERS: dict[str, Any] = {
    "a deactivated user": DORA,
    "an unknown user": "user-999999999999",
    "a user name": "alice",
    "a number": PEOPLE["alice"],
    "a number in quotes": str(PEOPLE["alice"]),
    "user zero": "user-0",
    "a number with a leading zero": "user-0900000001",
    "a number too long": "user-1000000000000000000",
    "a trailing blank": f"{ALICE} ",
    "an empty text": "",
}
LARGE: dict[str, Any] = {**REPORT, "data": {"text": "x" * 256 * 1024}}
BATCHES: dict[str, Any] = {
    "of none": [],
    "that is null": None,
    "that is an object": {"0": REPORT},
    "that is a text": "report.ready",
    "of null": [None],
    "of a text": ["report.ready"],
    "of a list": [[REPORT]],
    "whose second has an invalid name": [REPORT, {**REPORT, "event": "Wrong"}],
    "whose second has no data": [REPORT, {"event": "report.ready"}],
    "whose second and third are wrong": [REPORT, {"event": 5, "data": []}, {"data": {}, "colour": 1}],
    "whose second names no asset": [REPORT, {**CREATED, "data": {}}],
    "whose second has an invalid time": [REPORT, {**REPORT, "timestamp": "now"}],
    "of one too many": [REPORT] * 1001,
    "whose second and third are too large": [REPORT, LARGE, LARGE],
}


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def _with(field: str, values: dict[str, Any], base: dict[str, Any] = REPORT) -> dict[str, Any]:
    return {name: {**base, field: value} for name, value in values.items()}


ONE: list[Step] = [
    post("publishing an event", EVENTS, REPORT),
    post("publishing at the root", "/events", REPORT),
    post("publishing an event of an asset", EVENTS, CREATED),
    post("publishing an event of an asset with more data", EVENTS, {**CREATED, "event": "asset.moved.far"}),
    post("publishing an event with nothing", EVENTS, {}),
    post("publishing an event without a body", EVENTS),
    post("publishing an event without data", EVENTS, {"event": "report.ready"}),
    post("publishing an event without a name", EVENTS, {"data": {}}),
    post("publishing an event with an unknown field", EVENTS, {**REPORT, "colour": "red"}),
    post("publishing an event with everything wrong", EVENTS, {"timestamp": 1, "owner": 2, "event": 3, "x": 4}),
    post("publishing an event that is too large", EVENTS, LARGE),
    post("publishing an event with nulls where allowed", EVENTS, {**REPORT, "timestamp": None, "owner": None}),
    *each("publishing an event with", "POST", EVENTS, _with("event", NAMES)),
    *each("publishing an event with", "POST", EVENTS, _with("data", DATA)),
    *each("publishing an event of an asset with", "POST", EVENTS, _with("data", ASSET_DATA, CREATED)),
    *each("publishing an event with", "POST", EVENTS, _with("timestamp", TIMES)),
    *(
        step
        for field in ("event", "data", "timestamp")
        for step in mistyped("publishing", "POST", EVENTS, REPORT, field)
    ),
    *refused("publishing", "POST", EVENTS, REPORT),
    *(post(f"publishing as {kind}", EVENTS, REPORT, content_type=kind, user="charlie") for kind in JSON_TYPES),
]

SEVERAL: list[Step] = [
    post("publishing two events", EVENTS, {"events": [REPORT, CREATED]}),
    post("publishing a batch of one", EVENTS, {"events": [REPORT]}),
    *each("publishing a batch", "POST", EVENTS, {how: {"events": events} for how, events in BATCHES.items()}),
    post("publishing a batch with an unknown field", EVENTS, {"events": [REPORT], "colour": "red"}),
    post("publishing a batch together with an event", EVENTS, {**REPORT, "events": [REPORT]}),
    post(
        "publishing a thousand events",
        EVENTS,
        {"events": [REPORT] * 1000},
        user="charlie",
        shows=lambda a: len(a["data"]),
    ),
]

FOR_OTHERS: list[Step] = [
    post("publishing for Alice", EVENTS, {**REPORT, "owner": ALICE}, **SERVICE),
    post(
        "publishing for the caller and for Alice", EVENTS, {"events": [REPORT, {**REPORT, "owner": ALICE}]}, **SERVICE
    ),
    post("publishing with null as the owner", EVENTS, {**REPORT, "owner": None}, **SERVICE),
    *each("publishing for", "POST", EVENTS, _with("owner", OWNERS), **SERVICE),
    post(
        "publishing a batch for an unknown owner",
        EVENTS,
        {"events": [REPORT, {**REPORT, "owner": DORA}]},
        **SERVICE,
    ),
    post("publishing a batch for an invalid owner", EVENTS, {"events": [REPORT, {**REPORT, "owner": "x"}]}, **SERVICE),
    post("publishing for Alice without the scope", EVENTS, {**REPORT, "owner": ALICE}, user="bob"),
    post("publishing for the caller as owner without the scope", EVENTS, {**REPORT, "owner": ALICE}),
    post("publishing for an unknown owner without the scope", EVENTS, {**REPORT, "owner": DORA}),
    post("publishing for an invalid owner without the scope", EVENTS, {**REPORT, "owner": "x"}),
    post(
        "publishing a batch for Alice without the scope", EVENTS, {"events": [{**REPORT, "owner": ALICE}]}, user="bob"
    ),
    post("publishing for others with only the scope for that", EVENTS, REPORT, user="bob", scopes="events:publish-any"),
]

TWICE: list[Step] = [
    post("publishing with a key", EVENTS, REPORT, headers=keyed("key-1")),
    post("publishing with the same key again", EVENTS, REPORT, headers=keyed("key-1")),
    post("publishing with the same key at the root", "/events", REPORT, headers=keyed("key-1")),
    post(
        "publishing with the same key and the same JSON in another spelling",
        EVENTS,
        b'{ "data": {"title": "Weekly\\u0020report"},\n "event": "report.ready"}',
        headers=keyed("key-1"),
    ),
    post("publishing with the same key as another user", EVENTS, REPORT, headers=keyed("key-1"), user="bob"),
    post("publishing another event with that key", EVENTS, CREATED, headers=keyed("key-1")),
    post("publishing a batch with that key", EVENTS, {"events": [REPORT]}, headers=keyed("key-1")),
    post("publishing an invalid event with that key", EVENTS, {}, headers=keyed("key-1")),
    post("publishing with the key in capitals", EVENTS, REPORT, headers=keyed("KEY-1")),
    post("publishing a batch with a key", EVENTS, {"events": [REPORT, CREATED]}, headers=keyed("key-2")),
    post("publishing a batch with its key again", EVENTS, {"events": [REPORT, CREATED]}, headers=keyed("key-2")),
    post("publishing an invalid event with a new key", EVENTS, {}, headers=keyed("key-3")),
    post("publishing a valid event with the key that failed", EVENTS, REPORT, headers=keyed("key-3")),
    post(
        "publishing for an unknown owner with a key",
        EVENTS,
        {**REPORT, "owner": DORA},
        headers=keyed("key-4"),
        **SERVICE,
    ),
    post(
        "publishing for Alice with the key that failed",
        EVENTS,
        {**REPORT, "owner": ALICE},
        headers=keyed("key-4"),
        **SERVICE,
    ),
    post(
        "publishing for Alice with the key again", EVENTS, {**REPORT, "owner": ALICE}, headers=keyed("key-4"), **SERVICE
    ),
    post(
        "publishing for Alice without the scope, with a key",
        EVENTS,
        {**REPORT, "owner": ALICE},
        headers=keyed("k"),
        user="bob",
    ),
    *(
        post(f"publishing with {how}", EVENTS, REPORT, headers=keyed(key))
        for how, key in {
            "a key of 255 characters": "k" * 255,
            "a key too long": "k" * 256,
            "an empty key": "",
            "a key with a blank": "a b",
            "a key with a tab": "a\tb",
            "a key that is not ASCII": "é",
            "a key of punctuation": "!~{}\"'",
        }.items()
    ),
    post("publishing an invalid event with an invalid key", EVENTS, {}, headers=keyed("")),
    post("publishing a form with an invalid key", EVENTS, REPORT, headers=keyed(""), content_type="text/plain"),
]

OVER_QUOTA: list[Step] = [
    ActionStep("one event a minute", set_setting("QUOTA_EVENTS_PER_MINUTE", 1)),
    post("publishing the event of a minute", EVENTS, REPORT),
    post("publishing above the quota", EVENTS, REPORT),
    post("publishing a batch above the quota", EVENTS, {"events": [REPORT, REPORT]}),
    post(
        "publishing a batch above the quota of one owner",
        EVENTS,
        {"events": [{**REPORT, "owner": ALICE}, REPORT]},
        **SERVICE,
    ),
]

STEPS: list[Step] = [*ONE, *SEVERAL, *FOR_OTHERS, *TWICE, *OVER_QUOTA]

"""The asset register."""

from typing import Any

from ..harness import set_setting
from ..scenario import API, ActionStep, Step, delete, each, get, patch, post
from .bodies import JSON_TYPES, few_refused, mistyped, refused

LIST = f"{API}/assets"
ONE = f"{LIST}/asset-1"
WHOLE: dict[str, Any] = {
    "assetId": "asset-1",
    "name": "Product Photo.jpg",
    "category": "Images",
    "tags": ["draft", "summer"],
    "url": "https://cdn.invenicum.com/assets/asset-1",
}
TEXT = '<b>"Ärger"</b> & Co. \u2028 😀'

# For each field, valid and invalid values besides wrong types.
NAMES = {
    "an empty name": "",
    "a blank name": " \t\n ",
    "a name too long": "x" * 256,
    "a name of 255 characters": "x" * 255,
    "a name of 255 characters outside the BMP": "😀" * 255,
    "a name with surrounding blanks": "  x  ",
    "a name in another alphabet": TEXT,
    "a name with a no-break space only": "\u00a0",
}
CATEGORIES = {"a category too long": "x" * 101, "a category of 100 characters": "x" * 100, "a blank category": " "}
TAGS: dict[str, Any] = {
    "no tags": [],
    "tags too many": [str(number) for number in range(101)],
    "100 tags": [str(number) for number in range(100)],
    "a repeated tag": ["a", "b", "a"],
    "an empty tag": ["a", ""],
    "a blank tag": [" "],
    "a tag too long": ["x" * 101],
    "a tag of 100 characters": ["x" * 100],
    "a tag that is a number": ["a", 5],
    "a tag that is null": [None],
    "a tag that is a list": [["a"]],
    "two wrong tags": [5, "a", ""],
    "tags that differ only in case": ["a", "A"],
}
URLS = {
    "an empty address": "",
    "an address of a file": "file:///etc/passwd",
    "a script address": "javascript:alert(1)",
    "an address without a host": "https://",
    "an address with a blank": "https://a b",
    "an address that is not ASCII": "https://é.example.com",
    "an address with a line break": "https://x\n",
    "an address in capitals": "HTTPS://X",
    "a relative address": "/assets/1",
    "an address of 2008 characters": "https://" + "x" * 2000,
    "an address of 2009 characters": "https://" + "x" * 2001,
    "an address of 2049 characters": "https://" + "x" * 2041,
    "an http address": "http://x",
}
IDS = {
    "an empty id": "",
    "an id with a blank": "a b",
    "an id with a slash": "a/b",
    "an id with a line break": "asset-9\n",
    "an id that is not ASCII": "é",
    "an id of dots": "..",
    "an id too long": "x" * 101,
    "an id of 100 characters": "y" * 100,
    "an id with every character allowed": "A.b_c-9",
}


def _with(field: str, values: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    return {name: {**base, field: value} for name, value in values.items()}


CREATING: list[Step] = [
    post("creating an asset with everything", LIST, WHOLE),
    post("creating an asset with an existing id", LIST, WHOLE),
    post("creating the same asset as another user", LIST, WHOLE, user="charlie"),
    post("creating an asset with a name only", LIST, {"name": "Second"}),
    post("creating an asset with an id of null", LIST, {"assetId": None, "name": "Third"}),
    post("creating an asset with nothing", LIST, {}),
    post("creating an asset without a body", LIST),
    post("creating an asset with an unknown field", LIST, {"name": "x", "colour": "red"}),
    post("creating an asset with several unknown fields", LIST, {"name": "x", "owner": 1, "createdAt": "now"}),
    post("creating an asset with names in snake case", LIST, {"name": "x", "asset_id": "asset-7"}),
    post("creating an asset with a field in capitals", LIST, {"Name": "x"}),
    post(
        "creating an asset with everything wrong",
        LIST,
        {"url": "x", "tags": [5, ""], "category": 5, "name": "", "assetId": "a b", "colour": 1},
    ),
    *each("creating an asset with", "POST", LIST, _with("name", NAMES, {})),
    *each("creating an asset with", "POST", LIST, _with("category", CATEGORIES, {"name": "x"})),
    *each("creating an asset with", "POST", LIST, _with("tags", TAGS, {"name": "x"})),
    *each("creating an asset with", "POST", LIST, _with("url", URLS, {"name": "x"})),
    *each("creating an asset with", "POST", LIST, _with("assetId", IDS, {"name": "x"})),
    *(step for field in WHOLE for step in mistyped("creating an asset", "POST", LIST, {"name": "x"}, field)),
    *refused("creating an asset", "POST", LIST, {"name": "x"}),
    *(
        post(f"creating an asset as {kind}", LIST, {"name": f"As {kind}"}, content_type=kind, user="bob")
        for kind in JSON_TYPES
    ),
    post(
        "creating an asset with declared Latin-1",
        LIST,
        '{"name": "é"}'.encode("latin-1"),
        content_type="application/json; charset=latin-1",
    ),
    post("creating an asset with valid escapes", LIST, b'{"name": "\\ud83d\\ude00 \\\\u0000 \\u2028"}'),
]

READING: list[Step] = [
    get("reading an asset", ONE),
    get("reading an asset at the root", "/assets/asset-1"),
    get("reading an unknown asset", f"{LIST}/asset-404"),
    get("reading an asset with an invalid id", f"{LIST}/a%20b"),
    get("reading an asset of dots", f"{LIST}/.."),
    get("reading an asset with an id too long", f"{LIST}/{'x' * 101}"),
    get("reading an asset of Alice's", f"{LIST}/A.b_c-9", user="charlie"),
    get("reading an asset and asking for XML", f"{ONE}?format=xml", headers={"Accept": "application/xml"}),
    get("reading an asset and asking for a page", ONE, headers={"Accept": "text/html"}),
]

CHANGING: list[Step] = [
    patch("changing the name", ONE, {"name": "Hero Image.jpg"}),
    patch("changing everything", ONE, {"name": "N", "category": "C", "tags": ["t"], "url": "https://x"}),
    patch("changing to the same values", ONE, {"name": "N", "tags": ["t"]}),
    patch("emptying the optional fields", ONE, {"category": "", "tags": [], "url": ""}),
    patch("changing without a field", ONE, {}),
    patch("changing without a body", ONE),
    patch("changing an unknown field", ONE, {"colour": "red"}),
    patch("changing an unknown and a known field", ONE, {"name": "x", "colour": "red"}),
    patch("changing the id", ONE, {"assetId": "asset-2"}),
    patch("changing the creator", ONE, {"name": "x", "createdBy": "user-1"}),
    patch("changing several fields to wrong values", ONE, {"url": 1, "tags": "x", "category": None, "name": " "}),
    *each("changing an asset to", "PATCH", ONE, _with("name", NAMES, {})),
    *each("changing an asset to", "PATCH", ONE, _with("category", CATEGORIES, {})),
    *each("changing an asset to", "PATCH", ONE, _with("tags", TAGS, {})),
    *each("changing an asset to", "PATCH", ONE, _with("url", URLS, {})),
    *(
        step
        for field in ("name", "category", "tags", "url")
        for step in mistyped("changing an asset", "PATCH", ONE, {}, field)
    ),
    *few_refused("changing an asset", "PATCH", ONE, {"name": "x"}),
    patch("changing an unknown asset", f"{LIST}/asset-404", {"name": "x"}),
    patch("changing an unknown asset to nothing", f"{LIST}/asset-404", {}),
    patch("changing an asset of Alice's", f"{LIST}/A.b_c-9", {"name": "x"}, user="charlie"),
    get("reading what was changed", ONE),
    get("reading another user's asset of that id, which did not change", ONE, user="charlie"),
]

DELETING: list[Step] = [
    delete("deleting an unknown asset", f"{LIST}/asset-404"),
    delete("deleting an asset of Alice's", f"{LIST}/A.b_c-9", user="charlie"),
    delete("deleting an asset with a body that is not JSON", f"{LIST}/A.b_c-9", body=b"{", content_type="text/plain"),
    delete("deleting an asset", ONE),
    delete("deleting an asset again", ONE),
    get("reading a deleted asset", ONE),
    post("creating a deleted asset again", LIST, WHOLE),
]

OVER_QUOTA: list[Step] = [
    ActionStep("one asset at most", set_setting("QUOTA_ASSETS", 1)),
    post("creating one asset more than the quota", LIST, {"name": "A"}),
    ActionStep("one event a minute", set_setting("QUOTA_EVENTS_PER_MINUTE", 1)),
    ActionStep("any number of assets", set_setting("QUOTA_ASSETS", 0)),
    post("creating the asset of a minute", LIST, {"assetId": "asset-last", "name": "A"}),
    post("creating an asset above the quota of events", LIST, {"name": "A"}),
    patch("changing an asset above the quota of events", f"{LIST}/asset-last", {"name": "B"}),
    delete("deleting an asset above the quota of events", f"{LIST}/asset-last"),
    get("reading the asset, which did not change", f"{LIST}/asset-last"),
]

STEPS: list[Step] = [*CREATING, *READING, *CHANGING, *DELETING, *OVER_QUOTA]

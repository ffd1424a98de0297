"""Connecting from a native app: a start link, the page it opens, the return to the app, and the confirmation."""

from typing import Any

from ..harness import configure_clients, set_setting
from ..scenario import API, ActionStep, Step, delete, get, patch, post
from .bodies import few_refused, mistyped
from .oauth import END, PAGE, RETURNS

OAUTH = f"{API}/integrations/oauth"
START = f"{OAUTH}/start/google_drive"
OPEN = f"{OAUTH}/open/google_drive"
CONFIRM = f"{OAUTH}/confirm"
BACK = {"returnUrl": "invenicum://oauth"}
KEY = {"Idempotency-Key": "start-1"}
SAME_SITE = {**PAGE, "Sec-Fetch-Site": "same-origin"}


def shown_text(page: str) -> list[str]:
    """The part of a page that differs from other pages; empty for a redirect."""
    if not page:
        return []
    title = page[page.index("<title>") : page.index("</title>")]
    return [title, *page[page.index("<main") : page.index("</main>")].splitlines()]


def start(title: str, body: Any, path: str = START, **more: Any) -> Step:
    return post(title, path, body, **{"keep": {"code": "data.startUrl?code"}, **more})


def press(title: str, path: str = f"{OPEN}?code={{code}}", **more: Any) -> Step:
    """Presses the page's button in the phone's browser, in which no user is signed in."""
    keep = {"state": "Location?state"}
    return post(title, path, **{"user": None, "browser": "phone", "headers": SAME_SITE, "keep": keep, **more})


def look(title: str, path: str = f"{OPEN}?code={{code}}", **more: Any) -> Step:
    return get(title, path, **{"user": None, "browser": "phone", "headers": PAGE, "shows": shown_text, **more})


def end(title: str, query: str = "state={state}&code=good", **more: Any) -> Step:
    return get(title, f"{END}/google_drive?{query}", **{"user": None, "browser": "phone", "headers": PAGE, **more})


def confirm(title: str, **more: Any) -> Step:
    return post(title, CONFIRM, {"result": "{result}"}, **more)


RESULT = {"result": "Location?result"}
STEPS: list[Step] = [
    start("starting with a type that is not configured", BACK, keep={}),
    ActionStep("a client is configured", configure_clients("google_drive")),
    start("starting when no app is allowed", BACK, keep={}),
    ActionStep("an app is allowed", set_setting("OAUTH_RETURN_ORIGINS", ["https://app.example.com", "invenicum://"])),
    start("starting", BACK),
    start("starting at the root", BACK, "/integrations/oauth/start/google_drive"),
    start("starting with a page as the return URL", {"returnUrl": "https://app.example.com/x?tab=1#top"}),
    start("starting with what has no OAuth", BACK, f"{OAUTH}/start/s3", keep={}),
    start("starting with an unknown type", BACK, f"{OAUTH}/start/fax", keep={}),
    *(start(f"starting with a return URL that has {how}", {"returnUrl": url}, keep={}) for how, url in RETURNS.items()),
    start("starting without a return URL", {}, keep={}),
    *few_refused("starting", "POST", START, BACK),
    *mistyped("starting", "POST", START, BACK, "returnUrl"),
    start("starting what is opened", BACK),
    look("opening the link"),
    look("opening the link without a browser", browser="", headers={}),
    look("opening the link without its code", OPEN),
    look("opening the link without its code, as a program", OPEN, headers={}),
    look("opening the link as one of another type", f"{OAUTH}/open/github?code={{code}}"),
    look("opening the link as one of an unknown type", f"{OAUTH}/open/fax?code={{code}}"),
    press(
        "pressing the button from another site",
        headers={**PAGE, "Sec-Fetch-Site": "cross-site"},
        keep={},
        shows=shown_text,
    ),
    press("pressing the button"),
    press("pressing the button again", shows=shown_text, keep={}),
    press("pressing the button again, as a program", headers={}, keep={}),
    look("opening the link again"),
    end("ending in another browser", browser="new", shows=shown_text),
    end("ending in the phone's browser", keep=RESULT),
    end("ending again", shows=shown_text),
    get("reading what is not confirmed", f"{API}/integrations/google_drive"),
    confirm("confirming as another user", user="bob"),
    confirm("confirming"),
    confirm("confirming again"),
    get("reading what was confirmed", f"{API}/integrations/google_drive"),
    post("confirming an unknown result", CONFIRM, {"result": "x"}),
    post("confirming nothing", CONFIRM, {}),
    *few_refused("confirming", "POST", CONFIRM, {"result": "x"}),
    *mistyped("confirming", "POST", CONFIRM, {"result": "x"}, "result"),
    start("starting what comes back to a page", {"returnUrl": "https://app.example.com/x?result=1#top"}),
    press("pressing the button of what comes back to a page"),
    end("ending what comes back to a page", headers={}, keep=RESULT),
    post("confirming at the root", "/integrations/oauth/confirm", {"result": "{result}"}),
    start("starting what is declined", BACK),
    press("pressing the button of what is declined"),
    end("declining", "state={state}&error=access_denied", shows=shown_text),
    start("starting with a key", BACK, headers=KEY),
    start("starting with a key again", BACK, headers=KEY),
    start("starting with the key of another start", {"returnUrl": "invenicum://x"}, headers=KEY, keep={}),
    press("pressing the button of what was started with a key"),
    end("ending what was started with a key", keep=RESULT),
    confirm("confirming with a key", headers={"Idempotency-Key": "confirm-1"}),
    confirm("confirming with a key again", headers={"Idempotency-Key": "confirm-1"}),
    post(
        "confirming with the key of another confirmation",
        CONFIRM,
        {"result": "x"},
        headers={"Idempotency-Key": "confirm-1"},
    ),
    patch("changing a link", f"{OAUTH}/open/google_drive", {}),
    delete("deleting a link", f"{OAUTH}/open/google_drive"),
]

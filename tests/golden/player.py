"""Plays scenarios with Django's test client and collects the answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from invenicum import content_policy

from .harness import Harness
from .placeholders import Placeholders
from .scenario import NOTHING, RequestStep, Step

# Headers of nearly every answer. Only differences are recorded, with null for a missing header.
USUAL_HEADERS = {
    "Content-Security-Policy": content_policy.NOTHING,
    "Content-Type": "application/json",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Vary": "origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
IGNORED_HEADERS = ("content-length", "expires", "x-request-id")  # follows from the body, a time, random
LOOKUP_ERRORS = (LookupError, TypeError, ValueError, AttributeError)
MAX_PATH_LENGTH = 100  # characters of an address that are recorded

Entry = dict[str, Any]


def play(steps: Iterable[Step], harness: Harness) -> dict[str, Entry]:
    """The answers by the titles of their scenarios, in order.

    A step that fails is an entry too; the differences before it show why.
    """
    placeholders, entries = Placeholders(), dict[str, Entry]()
    for step in steps:
        if not isinstance(step, RequestStep):
            try:
                step.act(harness)
            except AssertionError as error:
                entries[step.title] = {"went wrong": str(error)}
            continue
        assert step.title not in entries, f"two scenarios have the title {step.title!r}"
        # A step without a browser gets a new one: cookies are not kept for the next request.
        harness.client.cookies = (
            harness.jars.setdefault(step.browser, SimpleCookie()) if step.browser else SimpleCookie()
        )
        response = _send(step, harness)
        entries[step.title] = _entry(step, response, placeholders)
        for name, where in step.keep.items():
            try:
                harness.names[name] = _find(response, where)
            except (*LOOKUP_ERRORS, AssertionError):
                harness.names[name] = entries[step.title]["went wrong"] = f"nothing at {where}"
    return entries


def _send(ask: RequestStep, harness: Harness) -> Any:
    body = _encode(ask.body)
    if not isinstance(ask.body, bytes):
        body = _filled(body.decode(), harness.names).encode()
    headers = ask.headers(body) if callable(ask.headers) else ask.headers
    filled = {name: _filled(value, harness.names) for name, value in headers.items()}
    if ask.user:
        filled = {"Authorization": f"Bearer {harness.token(ask.user, ask.scopes)}", **filled}
    return harness.client.generic(ask.method, _filled(ask.path, harness.names), body, ask.content_type, headers=filled)


def _encode(body: Any) -> bytes:
    if body is NOTHING:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _filled(text: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _find(response: Any, where: str) -> str:
    """The text at a path in the JSON or in a header; with `?name`, that query parameter of the address there."""
    path, _, parameter = where.partition("?")
    found = response[path] if path in response else response.json()
    for part in path.split(".") if path not in response else []:
        found = found[int(part) if isinstance(found, list) else part]
    assert isinstance(found, str), f"there is no text at {where}"
    return parse_qs(urlsplit(found).query)[parameter][0] if parameter else found


def _entry(ask: RequestStep, response: Any, placeholders: Placeholders) -> Entry:
    path = ask.path if len(ask.path) <= MAX_PATH_LENGTH else f"{ask.path[:MAX_PATH_LENGTH]}…"
    entry: Entry = {"request": f"{ask.method} {path}", "status": response.status_code}
    headers = _headers(response, placeholders)
    if headers:
        entry["headers"] = headers
    text = response.content.decode(errors="backslashreplace")
    if ask.shows:
        text = json.dumps(_shown(ask.shows, _value(text)), separators=(",", ":"), ensure_ascii=False)
    return entry | _body(placeholders.text(text))


def _shown(shows: Callable[[Any], Any], value: Any) -> Any:
    """What `shows` selects, or the whole answer if it has another form."""
    try:
        return shows(value)
    except LOOKUP_ERRORS:
        return value


def _headers(response: Any, placeholders: Placeholders) -> dict[str, str | None]:
    given = {name: placeholders.text(value) for name, value in response.items() if name.lower() not in IGNORED_HEADERS}
    for name, cookie in response.cookies.items():
        kept = [f"{key}={value}" for key, value in cookie.items() if value and key != "expires"]
        given[f"Set-Cookie: {name}"] = "; ".join(kept)
    missing = {name: None for name in USUAL_HEADERS if name not in given}
    found = {name: value for name, value in given.items() if USUAL_HEADERS.get(name) != value}
    return dict(sorted({**found, **missing}.items()))


def _body(text: str) -> Entry:
    """The body in a readable form from which its exact bytes can be reconstructed."""
    if not text:
        return {}
    value = _value(text)
    if text == json.dumps(value, separators=(",", ":"), ensure_ascii=False):
        return {"json": _without_order(value)}
    if text == json.dumps(value):
        return {"json, spaced": value}
    return {"lines": text.split("\n")} if "\n" in text else {"text": text}


def _without_order(value: Any) -> Any:
    """The answer with the `headers` of a `config` sorted: PostgreSQL and SQLite keep the names in different orders."""
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("config"), dict):
        return value
    config = {
        name: dict(sorted(item.items())) if isinstance(item, dict) else item for name, item in data["config"].items()
    }
    return {**value, "data": {**data, "config": config}}


def _value(text: str) -> Any:
    """The JSON value of a text, or the text if it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text

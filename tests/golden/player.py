"""Plays scenarios with Django's test client, and writes down what is answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .normal import Normal
from .scenario import NOTHING, Ask, Step
from .world import World

# What nearly every answer has: only departures are written down, with null for what is missing.
USUAL = {
    "Content-Type": "application/json",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Vary": "origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
LEFT_OUT = ("content-length", "expires", "x-request-id")  # follows from the body, a moment, random
UNFIT = (LookupError, TypeError, ValueError, AttributeError)
LONGEST = 100  # characters of an address that are written down

Entry = dict[str, Any]


def play(steps: Iterable[Step], world: World) -> dict[str, Entry]:
    """The answers by the names of their scenarios, in order.

    What goes wrong on the way is an entry too: the differences before it tell why.
    """
    normal, entries = Normal(), dict[str, Entry]()
    for step in steps:
        if not isinstance(step, Ask):
            try:
                step.act(world)
            except AssertionError as error:
                entries[step.says] = {"went wrong": str(error)}
            continue
        assert step.says not in entries, f"two scenarios are called {step.says!r}"
        # Who names no browser has none: no cookie of one request comes with the next.
        world.client.cookies = world.jars.setdefault(step.browser, SimpleCookie()) if step.browser else SimpleCookie()
        response = _send(step, world)
        entries[step.says] = _entry(step, response, normal)
        for name, where in step.keep.items():
            try:
                world.names[name] = _find(response, where)
            except (*UNFIT, AssertionError):
                world.names[name] = entries[step.says]["went wrong"] = f"nothing at {where}"
    return entries


def _send(ask: Ask, world: World) -> Any:
    body = _encode(ask.body)
    if not isinstance(ask.body, bytes):
        body = _filled(body.decode(), world.names).encode()
    headers = ask.headers(body) if callable(ask.headers) else ask.headers
    filled = {name: _filled(value, world.names) for name, value in headers.items()}
    if ask.user:
        filled = {"Authorization": f"Bearer {world.token(ask.user, ask.scopes)}", **filled}
    return world.client.generic(ask.method, _filled(ask.path, world.names), body, ask.content_type, headers=filled)


def _encode(body: Any) -> bytes:
    if body is NOTHING:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _filled(text: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _find(response: Any, where: str) -> str:
    """What stands at a path in the JSON, or in a header's address under the name of a query parameter."""
    header, _, parameter = where.partition("?")
    if parameter:
        values: list[str] = parse_qs(urlsplit(response[header]).query)[parameter]
        return values[0]
    found = response.json()
    for part in where.split("."):
        found = found[int(part) if isinstance(found, list) else part]
    assert isinstance(found, str), f"there is no text at {where}"
    return found


def _entry(ask: Ask, response: Any, normal: Normal) -> Entry:
    path = ask.path if len(ask.path) <= LONGEST else f"{ask.path[:LONGEST]}…"
    entry: Entry = {"request": f"{ask.method} {path}", "status": response.status_code}
    headers = _headers(response, normal)
    if headers:
        entry["headers"] = headers
    text = response.content.decode(errors="backslashreplace")
    if ask.shows:
        text = json.dumps(_shown(ask.shows, _value(text)), separators=(",", ":"), ensure_ascii=False)
    return entry | _body(normal.text(text))


def _shown(shows: Callable[[Any], Any], value: Any) -> Any:
    """All of an answer that is not what `shows` expects."""
    try:
        return shows(value)
    except UNFIT:
        return value


def _headers(response: Any, normal: Normal) -> dict[str, str | None]:
    given = {name: normal.text(value) for name, value in response.items() if name.lower() not in LEFT_OUT}
    for name, cookie in response.cookies.items():
        kept = [f"{key}={value}" for key, value in cookie.items() if value and key != "expires"]
        given[f"Set-Cookie: {name}"] = "; ".join(kept)
    missing = {name: None for name in USUAL if name not in given}
    found = {name: value for name, value in given.items() if USUAL.get(name) != value}
    return dict(sorted({**found, **missing}.items()))


def _body(text: str) -> Entry:
    """The body such that its text can be told from it, byte for byte, and differences can be read."""
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
    """The JSON value of a text, or else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text

"""The steps of a scenario: requests, and actions between them. Pure data.

A name in braces (`{event}`) in an address, a header or a body is replaced by the value that an earlier answer kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .harness import Harness

JSON = "application/json"
API = "/api/v1"
HOOK = "https://receiver.example.com/hook"  # no request is sent to it

Headers = Mapping[str, str]


class _Nothing:
    """No body, which differs from `null`."""


NOTHING = _Nothing()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStep:
    """One request. `title` is its name, unique in its area.

    `body` is sent as JSON, or unchanged if it is bytes. `user` is the user whose token is sent, None for no token;
    `scopes` limits the token's scopes. `headers` can be a function of the body, for signatures. `browser` names a
    cookie jar. `keep` names values of the answer for later steps: a path into the JSON or a header, with a query
    parameter of the address there (`Location?state`). `shows` selects the part of a long answer that is compared.
    """

    title: str
    method: str
    path: str
    body: Any = NOTHING
    content_type: str = JSON
    user: str | None = "alice"
    scopes: str = ""
    headers: Headers | Callable[[bytes], Headers] = field(default_factory=dict)
    browser: str = ""
    keep: Headers = field(default_factory=dict)
    shows: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class ActionStep:
    """An action between two requests."""

    title: str
    act: Callable[[Harness], object]


Step = RequestStep | ActionStep


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the API, whose steps share a database and are played in order."""

    name: str
    steps: Sequence[Step]


def get(title: str, path: str, **more: Any) -> RequestStep:
    return RequestStep(title=title, method="GET", path=path, **more)


def post(title: str, path: str, body: Any = NOTHING, **more: Any) -> RequestStep:
    return RequestStep(title=title, method="POST", path=path, body=body, **more)


def patch(title: str, path: str, body: Any = NOTHING, **more: Any) -> RequestStep:
    return RequestStep(title=title, method="PATCH", path=path, body=body, **more)


def delete(title: str, path: str, **more: Any) -> RequestStep:
    return RequestStep(title=title, method="DELETE", path=path, **more)


def each(title: str, method: str, path: str, bodies: Mapping[str, Any], **more: Any) -> list[RequestStep]:
    """The same request with each of the bodies; `title` and the body's key are its title."""
    return [
        RequestStep(title=f"{title} {how}", method=method, path=path, body=body, **more) for how, body in bodies.items()
    ]


def queries(title: str, path: str, *texts: str, **more: Any) -> list[RequestStep]:
    """The same address with each of the queries."""
    return [get(f"{title} with ?{text}", f"{path}?{text}", **more) for text in texts]

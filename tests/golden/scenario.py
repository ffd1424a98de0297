"""How a scenario is written down: what is asked, or what happens meanwhile. Pure data.

A name in braces (`{event}`) in an address, a header or a body stands for what an earlier answer kept under it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .world import World

JSON = "application/json"
API = "/api/v1"
HOOK = "https://receiver.example.com/hook"  # is never called

Headers = Mapping[str, str]


class _Nothing:
    """No body at all, which is something else than `null`."""


NOTHING = _Nothing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. `says` is its name, unique in its area.

    `body` is sent as JSON, bytes as they stand. `user` is whose token comes along, with `scopes` where not all of a
    person's are meant; None where none does. `headers` may be made from the body, for signatures. `browser` names a
    cookie jar. `keep` says where in the answer something is that is needed later: a path into the JSON, or a header
    and the query parameter in it (`Location?state`). `shows` tells what of a long JSON or text is compared.
    """

    says: str
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
class Meanwhile:
    """Something that happens between two requests and is no request itself."""

    says: str
    act: Callable[[World], object]


Step = Ask | Meanwhile


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the API with a database of its own, played from the first step to the last."""

    name: str
    steps: Sequence[Step]


def get(says: str, path: str, **more: Any) -> Ask:
    return Ask(says=says, method="GET", path=path, **more)


def post(says: str, path: str, body: Any = NOTHING, **more: Any) -> Ask:
    return Ask(says=says, method="POST", path=path, body=body, **more)


def patch(says: str, path: str, body: Any = NOTHING, **more: Any) -> Ask:
    return Ask(says=says, method="PATCH", path=path, body=body, **more)


def delete(says: str, path: str, **more: Any) -> Ask:
    return Ask(says=says, method="DELETE", path=path, **more)


def each(says: str, method: str, path: str, bodies: Mapping[str, Any], **more: Any) -> list[Ask]:
    """The same request with one body after the other: `says` and the body's key are the name."""
    return [Ask(says=f"{says} {how}", method=method, path=path, body=body, **more) for how, body in bodies.items()]


def queries(says: str, path: str, *texts: str, **more: Any) -> list[Ask]:
    """The same address with one query after the other."""
    return [get(f"{says} with ?{text}", f"{path}?{text}", **more) for text in texts]

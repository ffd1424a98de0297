"""What a service would be sent: a flow is driven with made-up answers up to its first write. Pure."""

import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import IntegrationError
from .http import Flow, Request, Response
from .memory import Memory, with_memory
from .redaction import HIDDEN, redact

MASK = "•••"
MAX_SHOWN_BYTES = 64 * 1024  # of a body
MIN_SECRET_PART_LENGTH = 16  # of an address
MAX_TRIES = 60  # of made-up answers to what a flow reads before it writes
MAX_READS = 6
# Their values prove who the sender is.
_PROOFS = ("authorization", "signature", "token", "cookie", "secret", "api-key")


def _answer(status: int, payload: Any) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(payload).encode())


_HASH = "0" * 40
# As if nothing were there yet; as if it were; and as if something were, but not what is looked for.
_ANSWERS = (
    _answer(404, {"message": "Not Found", "errors": [{"reason": "notFound"}]}),
    _answer(409, {"error_summary": "path/not_found/", "error": {".tag": "path", "path": {".tag": "not_found"}}}),
    _answer(
        200,
        dict.fromkeys(("id", "rev", "access_token"), "preview")
        | {"ok": True, "name": "main", "sha": _HASH, "content": "e30=", "ids": ["preview"], "files": [], "values": []}
        | {"commit": {"id": _HASH, "sha": _HASH}, "object": {"sha": _HASH}, "target": {"hash": _HASH}},
    ),
    _answer(200, []),
)


@dataclass(frozen=True, slots=True)
class Preview:
    """A request as it may be shown. `body` is a text, cut off at 64 KiB, with `…` at its end then."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


class Assumed:
    """A memory in which everything is kept already, so that a flow goes straight to the write."""

    def recall(self, key: str) -> str | None:
        return "preview"

    def remember(self, key: str, value: str) -> str:
        return value

    def forget(self, key: str, value: str) -> None:
        """Nothing is kept."""


def first_write(
    make_flow: Callable[[], Flow[Any]], is_read: Callable[[Request], bool], memory: Memory | None = None
) -> Request | None:
    """The first request of a flow that changes something at the service, or None if no made-up answer leads to one.

    `make_flow` is called for each combination of answers to the requests that `is_read` says only read. Raises the
    IntegrationError of the flow if it sends nothing at all: it refuses the event itself.
    """
    waiting: list[Sequence[Response]] = [()]
    for _ in range(MAX_TRIES):
        if not waiting:
            break
        answers = waiting.pop(0)
        request, error = _run(with_memory(make_flow(), memory or Assumed()), answers)
        if error and not answers:
            raise error
        if request is None:
            continue
        if not is_read(request):
            return request
        if len(answers) < MAX_READS:
            waiting.extend([*answers, answer] for answer in _ANSWERS)
    return None


def _run(flow: Flow[Any], answers: Sequence[Response]) -> tuple[Request | None, IntegrationError | None]:
    """The request that follows after `answers`, or the error that the flow ends with."""
    try:
        request = next(flow)
        for answer in answers:
            request = flow.send(answer)
    except StopIteration:
        return None, None
    except IntegrationError as error:
        return None, error
    except Exception:  # of an answer that the service would never give
        if not answers:
            raise
        return None, None
    flow.close()
    return request, None


def shown(request: Request, secrets: Collection[str]) -> Preview:
    """The request without any of `secrets`, nor the signatures that are made with them: `•••` stands in their place."""
    secrets = [*secrets, *(part for secret in secrets for part in _parts(secret))]
    body = request.body[:MAX_SHOWN_BYTES].decode("utf-8", "replace")
    is_cut = len(request.body) > MAX_SHOWN_BYTES
    return Preview(
        request.method,
        _masked(request.url, secrets),
        {name: _header(name, value, secrets) for name, value in request.headers.items()},
        _masked(body, secrets, is_cut=is_cut) + ("…" if is_cut else ""),
    )


def _parts(secret: str) -> list[str]:
    """What is secret of an address that is one, however the rest of it is written: long names in its path and query."""
    if not secret.startswith(("https://", "http://")):
        return []
    return [part for part in re.split(r"[/?&=]", secret.partition("://")[2])[1:] if len(part) >= MIN_SECRET_PART_LENGTH]


def _masked(text: str, secrets: Collection[str], *, is_cut: bool = False) -> str:
    return redact(text, secrets, is_cut=is_cut).replace(HIDDEN, MASK)


def _header(name: str, value: str, secrets: Collection[str]) -> str:
    if not any(proof in name.lower() for proof in _PROOFS):
        return _masked(value, secrets)
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {MASK}" if space and name.lower() == "authorization" and scheme.isalnum() else MASK

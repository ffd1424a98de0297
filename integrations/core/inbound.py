"""What a connector declares about the requests that its service sends to us, and how they are proved. Pure."""

import hashlib
import hmac
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NoReturn
from urllib.parse import parse_qs

from pydantic import SecretStr

from .http import encode_json
from .signing import hmac_sha256_hex, standard_key, standard_signature
from .texts import storable

TOLERANCE = 300  # seconds between the moment that was signed and now
MAX_PAYLOAD = 256 * 1024  # bytes of JSON that are kept and passed on
MAX_DEPTH = 64
MAX_NAME = 100
# Entries of a list or an object, and characters of a text, that remain where a payload is too large as it is.
WHOLE = (None, None)
CUTS = ((1000, 10_000), (100, 2_000), (100, 200), (20, 100))


class InvalidSignature(Exception):
    """Nothing proves that the request comes from the service."""


class Unreadable(Exception):
    """The service sent it, but it is nothing that can be understood. The text says why."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in the service's own terms."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that the service says has happened.

    `delivery_id` is the same when the service says it again. `title` is a line for people, `url` where to look.
    `is_echo` marks what the service says in other words as well: it is stored and not published.
    """

    event: str
    delivery_id: str
    payload: Mapping[str, Any]
    title: str = ""
    url: str = ""
    is_echo: bool = False


@dataclass(frozen=True)
class InboundRequest:
    """One request as it came in. Header names are lower case; `now` is in Unix seconds."""

    headers: Mapping[str, str]
    body: bytes
    now: float
    query: Mapping[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str:
        return self.headers.get(name, "").strip()

    @cached_property
    def payload(self) -> dict[str, Any]:
        """The JSON object in the body, or in the field `payload` of a form. Raises Unreadable."""
        text = self.body
        try:
            if self.header("content-type").startswith("application/x-www-form-urlencoded"):
                text = parse_qs(text.decode(), max_num_fields=100).get("payload", [""])[0].encode()
            value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        except (ValueError, RecursionError):
            raise Unreadable("The body is not acceptable JSON.") from None
        if not isinstance(value, dict):
            raise Unreadable("The body is JSON, but not an object.")
        return value

    @property
    def digest(self) -> str:
        """Names the body, for services that give a delivery no id."""
        return hashlib.sha256(self.body).hexdigest()


class Inbound:
    """How a service calls us. Subclasses stand beside their connectors.

    `config` is a connector's `Config`; `state` is what its `on_save` last returned.
    """

    # Markdown: what a user does so that the service calls us, and what then is published. On the docs page.
    setup: ClassVar[str] = ""
    # What the service wants to hear when we have taken something; where it does not mind, the API's own answer.
    accepted: ClassVar[Reply | None] = None
    # The secret that signs for every account of the operator's app, where there is one: the name of a setting, or
    # `client` for the app's OAuth client secret.
    app_secret: ClassVar[str] = ""

    def handshake(self, request: InboundRequest) -> Reply | None:
        """The answer to a question that proves nothing and that anybody may ask, before an address is used."""
        return None

    def keys_of(self, config: Any, state: Mapping[str, Any]) -> tuple[str, ...]:
        """What requests call the thing that an integration is connected to: how they find it without its id."""
        raise NotImplementedError

    def keys_in(self, request: InboundRequest) -> tuple[str, ...]:
        """What an unproven request says that it is about, in the same words. Raises Unreadable."""
        raise NotImplementedError

    def is_authentic(self, request: InboundRequest, config: Any, app_secret: str) -> bool:
        """Whether a secret of this integration proves the request, or else the app's; both may be missing."""
        raise NotImplementedError

    def read(self, request: InboundRequest, state: Mapping[str, Any]) -> Happening | Reply:
        """What an authentic request says, or the answer to one that says nothing. Raises Unreadable."""
        raise NotImplementedError

    def open(
        self, request: InboundRequest, config: Any, state: Mapping[str, Any], app_secret: str = ""
    ) -> Happening | Reply:
        """As `read`, once the request is proved. Raises InvalidSignature or Unreadable."""
        if not self.is_authentic(request, config, app_secret):
            raise InvalidSignature
        return self.read(request, state)


def reveal(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def is_same(given: str, expected: str) -> bool:
    """Whether two texts agree, in a time that says nothing of where they differ. Two empty ones do not."""
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def is_recent(timestamp: str, now: float) -> bool:
    """Whether a signed Unix time is close enough to now for the request not to be an old one again."""
    return re.fullmatch(r"[0-9]{1,12}", timestamp) is not None and abs(now - int(timestamp)) <= TOLERANCE


def is_signed(request: InboundRequest, header: str, secret: str, prefix: str = "") -> bool:
    """Whether the header holds the body's HMAC-SHA256 in hexadecimal."""
    return bool(secret) and is_same(request.header(header), prefix + hmac_sha256_hex(secret, request.body))


def has_standard_signature(request: InboundRequest, secret: str) -> bool:
    """Whether one of the signatures in `webhook-signature` is right and recent.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    timestamp = request.header("webhook-timestamp")
    if not secret or not is_recent(timestamp, request.now):
        return False
    message_id = request.header("webhook-id")
    expected = standard_signature([standard_key(secret)], message_id, int(timestamp), request.body)
    return any(is_same(given, expected) for given in request.header("webhook-signature").split()[:10])


def event_name(integration_type: str, event: str) -> str:
    """`github.pull_request` for what GitHub calls `pull_request`; `:` parts a name as our dots do."""
    parts = [re.sub(r"[^a-z0-9]+", "_", part).strip("_") for part in re.split(r"[.:]", event.lower())]
    return ".".join([integration_type, *filter(None, parts)])[:MAX_NAME].rstrip("._")


def value_in(payload: Any, *path: str) -> Any:
    """The value under `path` in nested objects; None where there is none."""
    for name in path:
        payload = payload.get(name) if isinstance(payload, Mapping) else None
    return payload


def text_in(payload: Any, *path: str) -> str:
    """The text or number under `path` as text fit to be stored; empty where there is none."""
    value = value_in(payload, *path)
    return str(storable(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def bounded(payload: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """A copy that every database can store, of at most MAX_PAYLOAD bytes; and whether something was left out."""
    for entries, characters in (WHOLE, *CUTS):
        copy = _copied(payload, entries, characters)
        if len(encode_json(copy)) <= MAX_PAYLOAD:
            return copy, entries is not None
    return {}, True


def _copied(value: Any, entries: int | None, characters: int | None, depth: int = 0) -> Any:
    if isinstance(value, str):
        return storable(value)[:characters]
    if isinstance(value, Mapping | list | tuple) and depth >= MAX_DEPTH:
        return None
    if isinstance(value, Mapping):
        items = list(value.items())[:entries]
        names = [_copied(name, entries, characters) for name, _ in items]
        copies = [_copied(item, entries, characters, depth + 1) for _, item in items]
        return dict(zip(names, copies, strict=True))
    if isinstance(value, list | tuple):
        return [_copied(item, entries, characters, depth + 1) for item in value[:entries]]
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number

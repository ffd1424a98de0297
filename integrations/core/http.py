"""HTTP as plain values, and the flow: how a connector talks to a service without doing I/O."""

import json
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from invenicum import strict_json

from .errors import ConnectionFailed, IntegrationError
from .identity import TlsIdentity
from .texts import storable

T = TypeVar("T")

# A generator that yields requests, is sent their responses and returns its result. If there is no response, its driver
# throws a TransportError (integrations.core.errors) into it, which most flows do not catch.
Flow = Generator["Request", "Response", T]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `url` is absolute; `headers` and `body` are sent unchanged.

    `confidential` says that the response contains secrets, so that no excerpt of it may be stored. `tls`: certificates
    that only this integration uses.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    confidential: bool = False
    tls: TlsIdentity | None = None

    @classmethod
    def json(cls, method: str, url: str, payload: Any, headers: Mapping[str, str] | None = None) -> "Request":
        """A request with `payload` as its compact JSON body."""
        return cls(method, url, {"Content-Type": "application/json", **(headers or {})}, encode_json(payload))

    @classmethod
    def form(
        cls,
        method: str,
        url: str,
        fields: Mapping[str, str] | Sequence[tuple[str, str]],
        headers: Mapping[str, str] | None = None,
        *,
        confidential: bool = False,
    ) -> "Request":
        """A request with `fields` as its URL-encoded form body; pairs if a name occurs several times."""
        content_type = {"Content-Type": "application/x-www-form-urlencoded"}
        return cls(method, url, {**content_type, **(headers or {})}, urlencode(fields).encode(), confidential)


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response. Header names are lower case; `body` is cut off at what the driver reads (64 KiB)."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON with storable texts. Raises ConnectionFailed if it is not JSON."""
        try:
            value = strict_json.loads_of_stranger(self.body)
            return value if self.body.isascii() and b"\\u" not in self.body else storable(value)
        except ValueError:
            raise ConnectionFailed(f"The answer (HTTP {self.status}) was not JSON.") from None

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object. Raises ConnectionFailed if it is not one."""
        value = self.json()
        if not isinstance(value, dict):
            raise ConnectionFailed(f"The answer (HTTP {self.status}) was JSON, but not an object.")
        return value


def encode_json(payload: Any) -> bytes:
    """Compact JSON in UTF-8, keys in the order given: what is signed, stored and sent."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def discreet(flow: Flow[T], secrets: Collection[str]) -> Flow[T]:
    """`flow`, whose errors repeat none of `secrets`: their messages are stored and shown. Returns what `flow` does."""
    try:
        return (yield from flow)
    except IntegrationError as error:
        error.hide(secrets)
        raise

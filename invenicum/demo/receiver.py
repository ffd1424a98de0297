"""A webhook receiver for trying things out. It verifies requests as any receiver would."""

import base64
import binascii
import hashlib
import hmac
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TIMESTAMP_TOLERANCE_SECONDS = 300
MAX_BODY_BYTES = 10 * 1024 * 1024
# During a rotation the first is by one of the two secrets, and one of the others is by the other secret.
SIGNATURE_HEADERS = ("x-invenicum-signature", "x-invenicum-signature-next", "x-invenicum-signature-previous")
REMEMBERED_IDS = 10_000  # to recognise a second delivery of the same event


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request that reached the receiver. `body` is None if it was not a JSON object."""

    id: str
    body: dict[str, Any] | None
    invenicum_verified: bool
    standard_verified: bool
    duplicate: bool = False

    @property
    def verified(self) -> bool:
        return self.invenicum_verified and self.standard_verified


def verify_invenicum(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Whether one of the `X-Invenicum-Signature` headers is right. The key is the secret's text."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    given = [headers.get(name, "").encode() for name in SIGNATURE_HEADERS]
    return any(hmac.compare_digest(signature, expected.encode()) for signature in given)


def verify_standard(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> bool:
    """Whether the Standard Webhooks headers are right and recent. The key is the base64 after `whsec_`."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(now - int(timestamp)) > TIMESTAMP_TOLERANCE_SECONDS:
        return False
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = secret.encode()
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(signature.encode(), expected) for signature in given)


def read_arrival(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> Arrival:
    """One request, verified. `headers` have lower-case names; `now` is in Unix seconds."""
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    return Arrival(
        id=headers.get("webhook-id", ""),
        body=content if isinstance(content, dict) else None,
        invenicum_verified=verify_invenicum(headers, body, secret),
        standard_verified=verify_standard(headers, body, secret, now),
    )


class Receiver(ThreadingHTTPServer):
    """Listens on the loopback address and calls `on_arrival` for every request; answers 401 if it does not verify."""

    def __init__(self, port: int, secret: str, clock: Callable[[], float], on_arrival: Callable[[Arrival], None]):
        super().__init__(("127.0.0.1", port), _Handler)
        self.secret, self.clock, self.on_arrival = secret, clock, on_arrival
        self._seen: OrderedDict[str, None] = OrderedDict()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def is_duplicate(self, message_id: str) -> bool:
        """Whether this id came before; remembers it."""
        known = message_id in self._seen
        self._seen[message_id] = None
        if len(self._seen) > REMEMBERED_IDS:
            self._seen.popitem(last=False)
        return known


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._answer(HTTPStatus.LENGTH_REQUIRED if not length else HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        receiver = self.server
        headers = {name.lower(): value for name, value in self.headers.items()}
        arrival = read_arrival(headers, self.rfile.read(int(length)), receiver.secret, receiver.clock())
        if arrival.verified and arrival.id and receiver.is_duplicate(arrival.id):
            arrival = Arrival(arrival.id, arrival.body, True, True, duplicate=True)
        receiver.on_arrival(arrival)
        self._answer(HTTPStatus.OK if arrival.verified else HTTPStatus.UNAUTHORIZED)

    do_PUT = do_PATCH = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: `on_arrival` reports each request."""

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

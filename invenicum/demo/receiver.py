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

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PUBLIC_KEY_PREFIX = "whpk_"
TIMESTAMP_TOLERANCE_SECONDS = 300
MAX_BODY_BYTES = 10 * 1024 * 1024
# During a rotation the first is by one of the two secrets, and one of the others is by the other secret.
SIGNATURE_HEADERS = ("x-invenicum-signature", "x-invenicum-signature-next", "x-invenicum-signature-previous")
METHODS_WITHOUT_BODY = frozenset({"GET", "DELETE"})
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
    """Whether the Standard Webhooks headers are right and recent. `secret` is `whsec_…`, or `whpk_…` for `v1a`."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(now - int(timestamp)) > TIMESTAMP_TOLERANCE_SECONDS:
        return False
    signed = f"{message_id}.{timestamp}.".encode() + body
    given = headers.get("webhook-signature", "").split()
    if secret.startswith(PUBLIC_KEY_PREFIX):
        return any(_is_by(secret, signature, signed) for signature in given)
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = secret.encode()
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    return any(hmac.compare_digest(signature.encode(), expected) for signature in given)


def _is_by(public_key: str, signature: str, signed: bytes) -> bool:
    """Whether `signature`, e.g. `v1a,…`, is by the private key of `whpk_…`."""
    version, _, value = signature.partition(",")
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix(PUBLIC_KEY_PREFIX)))
        key.verify(base64.b64decode(value, validate=True), signed)
    except (InvalidSignature, ValueError):
        return False
    return version == "v1a"


def read_arrival(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> Arrival:
    """One request, verified. `headers` have lower-case names; `now` is in Unix seconds."""
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    verified = verify_standard(headers, body, secret, now)
    return Arrival(
        id=headers.get("webhook-id", ""),
        body=content if isinstance(content, dict) else None,
        # With a public key there is no shared secret that the other signature could be made with.
        invenicum_verified=verified
        if secret.startswith(PUBLIC_KEY_PREFIX)
        else verify_invenicum(headers, body, secret),
        standard_verified=verified,
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
        length = self.headers.get("Content-Length", "0" if self.command in METHODS_WITHOUT_BODY else "")
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

    do_PUT = do_PATCH = do_DELETE = do_GET = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: `on_arrival` reports each request."""

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

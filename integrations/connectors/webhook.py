import time
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS, PING

from ..core.answers import error_for
from ..core.config import ConnectorConfig
from ..core.connector import Category, Connector, TestResult
from ..core.fields import Reachable, reveal
from ..core.http import Flow, Request, Response, encode_json
from ..core.markers import AssetEvents, Internal, Matches, NeverSent, SentTo
from ..core.signing import (
    NEXT_SIGNATURE_HEADER,
    PREVIOUS_SIGNATURE_HEADER,
    SIGNATURE_HEADER,
    SigningSecrets,
    generate_secret,
    invenicum_headers,
    standard_key,
    standard_signature,
)

Url = Annotated[
    str,
    Matches(
        r"^https?://[^\s/?#@]+(?::\d{1,5})?(?:[/?][^\s#]*)?$",
        "an http or https address without user name, password or fragment",
        "https://myservice.com/webhooks/invenicum",
    ),
    Reachable,
    Field(max_length=2048),
]

# Headers that frame the message (RFC 9110, 7.6.1), and those that receivers trust because only we can make them.
RESERVED_HEADERS = {
    *("host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"),
    *(name.lower() for name in (SIGNATURE_HEADER, NEXT_SIGNATURE_HEADER, PREVIOUS_SIGNATURE_HEADER)),
}
RESERVED_HEADER_PREFIXES = ("proxy-", "webhook-")


def _not_reserved(name: str) -> str:
    if name.lower() in RESERVED_HEADERS or name.lower().startswith(RESERVED_HEADER_PREFIXES):
        raise PydanticCustomError("reserved", "is set by the sender and cannot be chosen")
    return name


def _unique(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    seen: dict[str, str] = {}
    for name in headers:
        twin = seen.setdefault(name.lower(), name)
        if twin != name:
            raise PydanticCustomError(
                "twice", "has {twin} and {name}, which are the same header", {"twin": twin, "name": name}
            )
    return headers


HeaderName = Annotated[
    str,
    Matches(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$", "a header name", "X-Custom-Header"),
    AfterValidator(_not_reserved),
]
HeaderValue = Annotated[
    SecretStr,
    Matches(r"^[\x20-\x7e\t]{0,4096}$", "printable ASCII text of at most 4096 characters", "Bearer token-here"),
]
SigningSecret = Annotated[
    SecretStr, Matches(r"^[\x20-\x7e]{8,255}$", "8 to 255 printable ASCII characters", "whsec_or_any_random_string")
]


class Webhook(Connector):
    type = "webhook"
    name = "Custom Webhook"
    category = Category.CUSTOM
    description = "Sends signed events to your own address."
    setup: ClassVar[str] = """\
1. Give your service an address that takes `POST` requests with a JSON body and answers 2xx within 15 seconds.
2. Connect it here and save the signing secret that is shown once.
3. Verify `X-Invenicum-Signature`, or the Standard Webhooks headers, before you trust a request.
"""
    sends: ClassVar[str] = """\
The event as JSON, `{"event", "timestamp", "data"}`, with your `headers` and these of ours:

- `X-Invenicum-Signature`: `sha256=` and the HMAC-SHA256 of the body in hexadecimal, keyed with the signing secret. For
  24 hours after a rotation there is a second one by the other secret: `X-Invenicum-Signature-Next` or `-Previous`
- `webhook-id`, `webhook-timestamp`, `webhook-signature`: the [Standard Webhooks](https://www.standardwebhooks.com)
  headers; the id is the same on every attempt

Any 2xx counts as accepted; redirects are not followed; 410 disables the integration; any other answer is retried.
See [verifying webhooks](../verifying-webhooks.md).
"""

    class Config(ConnectorConfig):
        url: Url
        method: Literal["POST", "PUT", "PATCH"] = "POST"
        headers: Annotated[
            dict[HeaderName, HeaderValue], SentTo("url"), Field(max_length=50), AfterValidator(_unique)
        ] = {}
        events: AssetEvents = list(ASSET_EVENTS)
        secret: Annotated[SigningSecret | None, NeverSent()] = None
        # After a rotation, the old secret signs too, until this time in Unix seconds.
        previous_secret: Annotated[SecretStr | None, Internal(), NeverSent()] = None
        previous_secret_until: Annotated[int, Internal()] = 0

    signing_secret = "secret"
    reads_document = False

    def generated_secrets(self, config: Config) -> dict[str, str]:
        return {} if config.secret else {"secret": generate_secret()}

    def test(self, config: Config) -> Flow[TestResult]:
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = encode_json({"event": PING, "timestamp": moment, "data": {}})
        # Signed if there is a secret already: receivers that verify answer 401 to unsigned requests.
        response = yield _request(config, f"evt_{uuid4().hex}", int(time.time()), body)
        _check(response)
        host = urlsplit(config.url).hostname  # the rest of the address may hold a key
        return TestResult(f"{host} answered HTTP {response.status}", {"statusCode": response.status})

    def deliver(self, message: Message, config: Config, now: int) -> Flow[None]:
        response = yield _request(config, message.id, now, message.body)
        _check(response)


def _request(config: Webhook.Config, message_id: str, now: int, body: bytes) -> Request:
    headers = {"Content-Type": "application/json"}
    own = {name: value.get_secret_value() for name, value in config.headers.items()}
    if any(name.lower() == "content-type" for name in own):
        headers = {}
    return Request(config.method, config.url, headers | own | _signatures(config, message_id, now, body), body)


def _signatures(config: Webhook.Config, message_id: str, now: int, body: bytes) -> dict[str, str]:
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    if config.secret is None:  # only in the test of a new integration: saving it creates a secret
        return {}
    secrets = SigningSecrets(reveal(config.secret), reveal(config.previous_secret), config.previous_secret_until)
    return invenicum_headers(secrets, now, body) | {
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": standard_signature(map(standard_key, secrets.valid_at(now)), message_id, now, body),
    }


def _check(response: Response) -> None:
    if not response.ok:
        raise error_for(response, "The endpoint")

import time
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic import SecretStr

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS, PING

from ...core.answers import error_for
from ...core.config import ConnectorConfig
from ...core.connector import Category, Connector, TestResult
from ...core.errors import AuthFailed
from ...core.fields import reveal
from ...core.http import Flow, Request, Response, encode_json
from ...core.markers import AssetEvents, Internal, NeverSent, SentTo
from ...core.signing import (
    SigningSecrets,
    generate_secret,
    invenicum_headers,
    standard_key,
    standard_signature,
)
from .fields import Headers, SigningSecret, Url

EVENT_HEADER = "X-Invenicum-Event"
DELIVERY_HEADER = "X-Invenicum-Delivery"
# Content has no meaning in these requests, and servers and proxies may refuse it (RFC 9110, 9.3.1 and 9.3.5).
METHODS_WITHOUT_BODY = frozenset({"GET", "DELETE"})


class Webhook(Connector):
    type = "webhook"
    name = "Custom Webhook"
    category = Category.CUSTOM
    description = "Sends signed events to your own address."
    setup: ClassVar[str] = """\
1. Give your service an address that takes `POST` requests with a JSON body and answers 2xx within 15 seconds.
2. Connect it here and save the signing secret that is shown once. A test before you save is signed with the same
   secret: after it, `GET /integrations/webhook/secret` shows it.
3. Verify `X-Invenicum-Signature`, or the Standard Webhooks headers, before you trust a request.
"""
    sends: ClassVar[str] = """\
The event as JSON, `{"event", "timestamp", "data"}`, with your `headers` and these of ours:

- `X-Invenicum-Signature`: `sha256=` and the HMAC-SHA256 of the body in hexadecimal, keyed with the signing secret. For
  24 hours after a rotation there is a second one by the other secret: `X-Invenicum-Signature-Next` or `-Previous`
- `webhook-id`, `webhook-timestamp`, `webhook-signature`: the [Standard Webhooks](https://www.standardwebhooks.com)
  headers; the id is the event's, the same on every attempt
- `X-Invenicum-Event`: the event's name, for example `asset.created`. `X-Invenicum-Delivery`: the id of the delivery, as
  in `GET /deliveries/:id`; the same on every attempt, another one after a replay. They are not signed

Requests with `GET` and `DELETE` have no body: the headers say which event it is, the signatures are of an empty body,
and `GET /events/:id` with the `webhook-id` has the rest. Headers that frame or describe the body, such as
`Content-Encoding`, cannot be chosen.

Any 2xx counts as accepted; redirects are not followed; 410 disables the integration; any other answer is retried.
See [verifying webhooks](../verifying-webhooks.md).
"""

    class Config(ConnectorConfig):
        url: Url
        method: Literal["POST", "PUT", "PATCH", "DELETE", "GET"] = "POST"
        headers: Annotated[Headers, SentTo("url")] = {}
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
        now = datetime.now(UTC)
        body = encode_json({"event": PING, "timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "data": {}})
        ping = Message(f"evt_{uuid4().hex}", PING, now, body, delivery=f"dlv_{uuid4().hex}")
        response = yield _request(config, ping, int(time.time()))
        _check(response)
        host = urlsplit(config.url).hostname  # the rest of the address may hold a key
        return TestResult(f"{host} answered HTTP {response.status}", {"statusCode": response.status})

    def deliver(self, message: Message, config: Config, now: int) -> Flow[None]:
        response = yield _request(config, message, now)
        _check(response)


def _request(config: Webhook.Config, message: Message, now: int) -> Request:
    own = {name: value.get_secret_value() for name, value in config.headers.items()}
    body = b"" if config.method in METHODS_WITHOUT_BODY else message.body
    has_type = not body or any(name.lower() == "content-type" for name in own)
    headers = {} if has_type else {"Content-Type": "application/json"}
    ours = {EVENT_HEADER: message.name, DELIVERY_HEADER: message.delivery}
    return Request(config.method, config.url, headers | own | ours | _signatures(config, message.id, now, body), body)


def _signatures(config: Webhook.Config, message_id: str, now: int, body: bytes) -> dict[str, str]:
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    if config.secret is None:  # only before it is saved or tested, both of which make one
        return {}
    secrets = SigningSecrets(reveal(config.secret), reveal(config.previous_secret), config.previous_secret_until)
    return invenicum_headers(secrets, now, body) | {
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": standard_signature(map(standard_key, secrets.valid_at(now)), message_id, now, body),
    }


def _check(response: Response) -> None:
    if response.status in (401, 403):
        raise AuthFailed(
            f"The endpoint refused the request: HTTP {response.status}. "
            "Check the headers, and that it knows the signing secret.",
            retry_after=error_for(response, "").retry_after,
        )
    if not response.ok:
        raise error_for(response, "The endpoint")

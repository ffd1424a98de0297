import time
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

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
    PRIVATE_KEY_PREFIX,
    SigningSecrets,
    asymmetric_signature,
    generate_private_key,
    generate_secret,
    invenicum_headers,
    private_key,
    standard_key,
    standard_signature,
)
from .fields import Headers, SigningSecret, Url

SIGNATURE = "webhook-signature"
EVENT_HEADER = "X-Invenicum-Event"
DELIVERY_HEADER = "X-Invenicum-Delivery"
# Content has no meaning in these requests, and servers and proxies may refuse it (RFC 9110, 9.3.1 and 9.3.5).
METHODS_WITHOUT_BODY = frozenset({"GET", "DELETE"})
SIGNATURE_SAYS = (
    "How requests are signed: `v1` with a secret that both sides know, `v1a` with a private key (Ed25519) whose public "
    "key is all that your side needs"
)


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
  headers; the id is the event's, the same on every attempt. With `signature: "v1a"` the signature is Ed25519 instead
  of HMAC: your side has only the public key, `whpk_…`, which `GET /integrations/webhook/secret` shows, and
  `X-Invenicum-Signature` is not sent. A new key pair is made when `signature` changes and no `secret` is given
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
        signature: Annotated[Literal["v1", "v1a"], Field(description=SIGNATURE_SAYS)] = "v1"
        secret: Annotated[SigningSecret | None, NeverSent(kind_in="signature")] = None
        # After a rotation, the old secret signs too, until this time in Unix seconds.
        previous_secret: Annotated[SecretStr | None, Internal(), NeverSent()] = None
        previous_secret_until: Annotated[int, Internal()] = 0

        @field_validator("secret")
        @classmethod
        def _is_of_its_kind(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
            is_private_key = reveal(secret).startswith(PRIVATE_KEY_PREFIX)
            if secret and "signature" in info.data and is_private_key != (info.data["signature"] == "v1a"):
                raise PydanticCustomError("kind", "must begin with whsk_ if signature is v1a, and only then")
            return secret

    signing_secret = "secret"
    takes_existing = True
    reads_document = False

    def generated_secrets(self, config: Config) -> dict[str, str]:
        if config.secret:
            return {}
        return {"secret": generate_private_key() if config.signature == "v1a" else generate_secret()}

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
    valid, headers = secrets.valid_at(now), {"webhook-id": message_id, "webhook-timestamp": str(now)}
    if config.signature == "v1a":  # no secret is shared, so that there is nothing to make the HMAC with
        return headers | {SIGNATURE: asymmetric_signature(map(private_key, valid), message_id, now, body)}
    headers[SIGNATURE] = standard_signature(map(standard_key, valid), message_id, now, body)
    return invenicum_headers(secrets, now, body) | headers


def _check(response: Response) -> None:
    if response.status in (401, 403):
        raise AuthFailed(
            f"The endpoint refused the request: HTTP {response.status}. "
            "Check the headers, and that it knows the signing secret.",
            retry_after=error_for(response, "").retry_after,
        )
    if not response.ok:
        raise error_for(response, "The endpoint")

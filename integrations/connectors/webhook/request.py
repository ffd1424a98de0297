"""How an event becomes a request: its body, headers and signatures. Pure."""

from invenicum.events.message import Message

from ...core.fields import reveal
from ...core.http import Request
from ...core.signing import (
    SigningSecrets,
    asymmetric_signature,
    invenicum_headers,
    private_key,
    standard_key,
    standard_signature,
)
from . import template
from .config import METHODS_WITHOUT_BODY, WebhookConfig

EVENT_HEADER = "X-Invenicum-Event"
DELIVERY_HEADER = "X-Invenicum-Delivery"
SIGNATURE = "webhook-signature"


def request_for(config: WebhookConfig, message: Message, now: int, token: str = "") -> Request:
    """The request that sends `message` at the Unix time `now`. `token`: an access token to send with it, if any."""
    own = {name: value.get_secret_value() for name, value in config.headers.items()}
    if token:
        own["Authorization"] = f"Bearer {token}"
    body = message.body if config.template is None else template.render(config.template, message)
    if config.method in METHODS_WITHOUT_BODY:
        body = b""
    has_type = not body or any(name.lower() == "content-type" for name in own)
    headers = {} if has_type else {"Content-Type": "application/json"}
    ours = {EVENT_HEADER: message.name, DELIVERY_HEADER: message.delivery}
    if message.traceparent:
        ours["traceparent"] = message.traceparent
    headers = headers | own | ours | _signatures(config, message.id, now, body)
    return Request(config.method, config.url, headers, body, tls=config.tls_identity)


def _signatures(config: WebhookConfig, message_id: str, now: int, body: bytes) -> dict[str, str]:
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    if config.secret is None:  # only before it is saved or tested, both of which make one
        return {}
    secrets = SigningSecrets(reveal(config.secret), reveal(config.previous_secret), config.previous_secret_until)
    valid, headers = secrets.valid_at(now), {"webhook-id": message_id, "webhook-timestamp": str(now)}
    if config.signature == "v1a":  # no secret is shared, so that there is nothing to make the HMAC with
        return headers | {SIGNATURE: asymmetric_signature(map(private_key, valid), message_id, now, body)}
    headers[SIGNATURE] = standard_signature(map(standard_key, valid), message_id, now, body)
    return invenicum_headers(secrets, now, body) | headers

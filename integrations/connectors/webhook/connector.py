import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import uuid4

from invenicum.events.message import Message
from invenicum.events.names import PING

from ...core.answers import error_for
from ...core.client_credentials import authorized
from ...core.connector import Category, Connector, TestResult
from ...core.errors import AuthFailed
from ...core.http import Flow, Request, Response, encode_json
from ...core.identity import expires_at, expiry_notice
from ...core.signing import generate_private_key, generate_secret
from .config import WebhookConfig
from .request import request_for


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
- `traceparent`: the attempt's place in a [trace](https://www.w3.org/TR/trace-context/), if the operator keeps traces.
  It is not signed either

With a `template` its JSON is sent instead, and signed. `{{ path }}` in a text stands for a value of the event: `id`,
`event`, `timestamp`, `data` and what is in it (`data.name`, `data.changes.tags.added.0`), and three that are made for
people: `title`, `summary` and `url`. A text that is one placeholder becomes the value itself, null if there is none;
`{{ data.category | default('none') }}` replaces null. Up to 100 placeholders and 512 KiB of values; see it with
`POST /integrations/webhook/preview`. For example, for [ntfy](https://docs.ntfy.sh/publish/#publish-as-json):

```json
{"topic": "assets", "title": "{{ title }}", "message": "{{ data.name }}", "click": "{{ url }}"}
```

and for [PagerDuty](https://developer.pagerduty.com/docs/send-alert-event):

```json
{
  "routing_key": "your-integration-key", "event_action": "trigger", "dedup_key": "{{ data.assetId }}",
  "payload": {"summary": "{{ summary }}", "source": "invenicum", "severity": "info", "custom_details": "{{ data }}"}
}
```

With `oauthTokenUrl` an access token is asked for with your client id and secret (OAuth 2.0 client credentials) and sent
as `Authorization: Bearer`. Each worker keeps it in memory until it expires or is refused with 401.

`certificate` and `certificateKey` are shown to a server that asks for a client certificate (mutual TLS); `authorities`
are trusted for `url` instead of the public ones. Neither is used for `oauthTokenUrl`. `statusReason` tells 30 days
before one of them expires.

Requests with `GET` and `DELETE` have no body: the headers say which event it is, the signatures are of an empty body,
and `GET /events/:id` with the `webhook-id` has the rest. Headers that frame or describe the body, such as
`Content-Encoding`, cannot be chosen.

Any 2xx counts as accepted; redirects are not followed; 410 disables the integration; any other answer is retried.
See [verifying webhooks](../verifying-webhooks.md).
"""

    class Config(WebhookConfig):
        """All of it is in a file of its own."""

    signing_secret = "secret"
    takes_existing = True
    reads_document = False

    def generated_secrets(self, config: WebhookConfig) -> dict[str, str]:
        if config.secret:
            return {}
        return {"secret": generate_private_key() if config.signature == "v1a" else generate_secret()}

    def test(self, config: WebhookConfig) -> Flow[TestResult]:
        now = datetime.now(UTC)
        body = encode_json({"event": PING, "timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "data": {}})
        ping = Message(f"evt_{uuid4().hex}", PING, now, body, delivery=f"dlv_{uuid4().hex}")
        response = yield from _send(config, ping, int(time.time()))
        _check(response)
        host = urlsplit(config.url).hostname  # the rest of the address may hold a key
        facts: dict[str, object] = {"statusCode": response.status}
        if config.certificate:
            facts["certificateExpiresAt"] = expires_at(config.certificate).strftime("%Y-%m-%dT%H:%M:%SZ")
        return TestResult(f"{host} answered HTTP {response.status}", facts)

    def notice(self, public: Mapping[str, Any], now: datetime) -> str:
        fields = {"certificate": "The client certificate", "authorities": "A certificate in authorities"}
        notices = (expiry_notice(public[name], what, now) for name, what in fields.items() if public.get(name))
        return next(filter(None, notices), "")

    def only_reads(self, request: Request, config: WebhookConfig) -> bool:
        return request.url == config.oauth_token_url

    def deliver(self, message: Message, config: WebhookConfig, now: int) -> Flow[None]:
        _check((yield from _send(config, message, now)))


def _send(config: WebhookConfig, message: Message, now: int) -> Flow[Response]:
    credentials, held = config.client_credentials(), config.held_token
    if credentials is None or held is None:
        return (yield request_for(config, message, now))
    return (yield from authorized(held, credentials, now, lambda token: request_for(config, message, now, token)))


def _check(response: Response) -> None:
    if response.status in (401, 403):
        raise AuthFailed(
            f"The endpoint refused the request: HTTP {response.status}. "
            "Check the headers, and that it knows the signing secret.",
            retry_after=error_for(response, "").retry_after,
        )
    if not response.ok:
        raise error_for(response, "The endpoint")

from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ..core.answers import error_for
from ..core.config import AssetEvents, ConnectorConfig, Destination, Internal, Matches, NeverSent
from ..core.connector import Category, Connector, TestResult
from ..core.http import Flow, Request, Response, encode_json
from ..core.signing import generate_secret, invenicum_signature, standard_key, standard_signature

Url = Annotated[
    str,
    Matches(
        r"^https?://[^\s/?#@]+(?::\d{1,5})?(?:[/?][^\s#]*)?$",
        "an http or https address without user name, password or fragment",
        "https://myservice.com/webhooks/invenicum",
    ),
    Field(max_length=2048),
]
HeaderName = Annotated[str, Matches(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$", "a header name", "X-Custom-Header")]
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
    description = "Sends every event to an address of yours, signed."
    setup: ClassVar[str] = """\
1. Give your service an address that takes `POST` requests with a JSON body and answers 2xx within 15 seconds.
2. Connect it here and keep the signing secret that is shown once.
3. Verify `X-Invenicum-Signature`, or the Standard Webhooks headers, before you believe a request.
"""

    class Config(ConnectorConfig):
        url: Annotated[Url, Destination()]
        method: Literal["POST", "PUT", "PATCH"] = "POST"
        headers: Annotated[dict[HeaderName, HeaderValue], Field(max_length=50)] = {}
        events: AssetEvents = list(ASSET_EVENTS)
        secret: Annotated[SigningSecret | None, NeverSent()] = None
        # After a rotation, until that Unix second.
        previous_secret: Annotated[SecretStr | None, Internal()] = None
        previous_secret_until: Annotated[int, Internal()] = 0

    signing_secret = "secret"

    def generated_secrets(self, config: Config) -> dict[str, str]:
        return {} if config.secret else {"secret": generate_secret()}

    def test(self, config: Config) -> Flow[TestResult]:
        body = encode_json({"event": "ping", "data": {}})
        response = yield Request(config.method, config.url, _headers(config), body)
        _check(response)
        return TestResult(f"{config.url} answered HTTP {response.status}", {"statusCode": response.status})

    def deliver(self, message: Message, config: Config, now: int) -> Flow[None]:
        response = yield Request(
            config.method, config.url, _headers(config) | _signatures(message, config, now), message.body
        )
        _check(response)


def _headers(config: Webhook.Config) -> dict[str, str]:
    own = {name: value.get_secret_value() for name, value in config.headers.items()}
    return {"Content-Type": "application/json", **own}


def _signatures(message: Message, config: Webhook.Config, now: int) -> dict[str, str]:
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    assert config.secret is not None  # one is generated where the user gave none
    secret = config.secret.get_secret_value()
    secrets = [secret]
    if config.previous_secret and now < config.previous_secret_until:
        secrets.append(config.previous_secret.get_secret_value())
    return {
        "X-Invenicum-Signature": invenicum_signature(secret, message.body),
        "webhook-id": message.id,
        "webhook-timestamp": str(now),
        "webhook-signature": standard_signature(map(standard_key, secrets), message.id, now, message.body),
    }


def _check(response: Response) -> None:
    if not response.ok:
        raise error_for(response, "The endpoint")

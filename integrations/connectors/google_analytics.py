import re
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlencode

from pydantic import SecretStr

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ..core.answers import error_for, excerpt, objects_at
from ..core.config import ConnectorConfig
from ..core.connector import Category, Connector, TestResult
from ..core.errors import AuthFailed, InvalidConfig, Rejected
from ..core.http import Flow, Request, Response
from ..core.markers import AssetEvents, Matches, SentTo
from ..core.oauth import OAuthSpec
from ..families.analytics import actor_of, properties_of
from ..families.google import google_error

MeasurementId = Annotated[str, Matches(r"^G-[A-Z0-9]{4,20}$", "the measurement id of a data stream", "G-1A2BCD345E")]
ApiSecret = Annotated[
    SecretStr, Matches(r"^[A-Za-z0-9_-]{16,64}$", "a Measurement Protocol API secret", "AbCdEfGhIjKlMnOpQrStUv")
]
PropertyId = Annotated[str, Matches(r"^\d{5,12}$", "the number of a property", "123456789")]
# https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference
MAX_NAME_LENGTH, MAX_VALUE_LENGTH = 40, 100
RESERVED = re.compile(r"^(?:ga_|google_|firebase_|[^a-z]|$)")
MAX_EVENT_AGE_SECONDS = 72 * 3600  # older events are recorded without their time
COLLECT_URLS = {"global": "https://www.google-analytics.com", "eu": "https://region1.google-analytics.com"}


class GoogleAnalytics(Connector):
    type = "google_analytics"
    name = "Google Analytics 4"
    category = Category.ANALYTICS
    description = "Records an event in a Google Analytics 4 property when an asset changes."
    setup: ClassVar[str] = """\
1. In *Admin → Data streams*, open a web stream and copy its measurement id.
2. There, under *Measurement Protocol API secrets*, create a secret and paste it here.
3. Google answers every event with success, even with a wrong secret. Connect with OAuth and give the `propertyId`
   too, and the connection test checks both against the property.
"""
    sends: ClassVar[str] = """\
One event per delivery, named after Invenicum's (`asset_created`), with `asset_id`, `category`, the names of the
`changed_fields` and the event's other plain values, each cut to 100 characters; `user_id` is who did it. Google
Analytics cannot recognise a repeated event: if its answer is lost, an event may count twice (with the same `event_id`).
"""
    oauth = OAuthSpec(
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
        scopes=("openid", "email", "https://www.googleapis.com/auth/analytics.readonly"),
        identity_url="https://openidconnect.googleapis.com/v1/userinfo",
        identity_field="email",
        revoke_url="https://oauth2.googleapis.com/revoke",
        revokes_account=True,
        issuer="https://accounts.google.com",
        needed_scopes=("https://www.googleapis.com/auth/analytics.readonly",),
        extra_params={"access_type": "offline", "prompt": "consent", "include_granted_scopes": "true"},
    )

    class Config(ConnectorConfig):
        measurement_id: MeasurementId
        api_secret: Annotated[ApiSecret, SentTo("region")]
        property_id: PropertyId | None = None
        region: Literal["global", "eu"] = "global"
        events: AssetEvents = list(ASSET_EVENTS)

    def test(self, config: Config) -> Flow[TestResult]:
        # https://developers.google.com/analytics/devguides/collection/protocol/ga4/validating-events
        event = {"name": "connection_test", "params": {}}
        payload = {"client_id": "invenicum.test", "validation_behavior": "ENFORCE_RECOMMENDATIONS", "events": [event]}
        response = yield Request.json("POST", self._url("/debug/mp/collect", config), payload)
        if not response.ok:
            raise error_for(response, self.name)
        response.json_object()
        for problem in objects_at(response, "validationMessages"):
            raise InvalidConfig(f"Google Analytics refused the test event ({excerpt(problem.get('description'))}).")
        metadata: dict[str, Any] = {"measurementId": config.measurement_id, "region": config.region, "verified": False}
        if config.access_token and config.property_id:
            metadata["stream"] = yield from self._verify(config)
            metadata["verified"] = True
        return TestResult(f"Successfully reached Google Analytics for {config.measurement_id}", metadata)

    def _verify(self, config: Config) -> Flow[Any]:
        """The name of the data stream. Raises an error if the property has no such stream or no such secret."""
        # https://developers.google.com/analytics/devguides/config/admin/v1/rest
        streams = yield from self._list(f"properties/{config.property_id}/dataStreams", "dataStreams", config)
        for stream in streams:
            web = stream.get("webStreamData")
            if isinstance(web, dict) and web.get("measurementId") == config.measurement_id:
                break
        else:
            sentence = f"The property {config.property_id} has no stream {config.measurement_id}."
            raise InvalidConfig(sentence, {"measurementId": ["is not in this property"]})
        path = f"{stream.get('name')}/measurementProtocolSecrets"
        secrets = yield from self._list(path, "measurementProtocolSecrets", config)
        if config.api_secret.get_secret_value() not in [secret.get("secretValue") for secret in secrets]:
            raise AuthFailed(f"The stream {config.measurement_id} has no such API secret: create one and paste it.")
        return stream.get("displayName")

    def _list(self, path: str, name: str, config: Config) -> Flow[list[dict[str, Any]]]:
        base = self.endpoint("adminUrl", self.endpoint("apiUrl", "https://analyticsadmin.googleapis.com"))
        assert config.access_token is not None
        headers = {"Authorization": f"Bearer {config.access_token.get_secret_value()}"}
        response = yield Request("GET", f"{base}/v1beta/{path}?pageSize=200", headers)
        if not response.ok:
            raise google_error(response, self.name)
        return objects_at(response, name)

    def deliver(self, message: Message, config: Config, now: int) -> Flow[None]:
        actor, moment = actor_of(message), int(message.occurred_at.timestamp())
        params = {_name(name): value for name, value in properties_of(message).items()}
        params = {name: value[:MAX_VALUE_LENGTH] if isinstance(value, str) else value for name, value in params.items()}
        event = {"name": _name(message.name), "params": {**params, "event_id": message.id, "engagement_time_msec": 1}}
        payload: dict[str, Any] = {"client_id": f"invenicum.{actor or 'service'}", "events": [event]}
        if actor:
            payload["user_id"] = actor
        if now - moment < MAX_EVENT_AGE_SECONDS:
            payload["timestamp_micros"] = moment * 1_000_000
        response = yield Request.json("POST", self._url("/mp/collect", config), payload)
        _check(response)

    def _url(self, path: str, config: Config) -> str:
        query = {"measurement_id": config.measurement_id, "api_secret": config.api_secret.get_secret_value()}
        return f"{self.endpoint('apiUrl', COLLECT_URLS[config.region])}{path}?{urlencode(query)}"


def _check(response: Response) -> None:
    if response.status == 413:
        raise Rejected("Google Analytics refused the event as too large.")
    if not response.ok:
        raise error_for(response, "Google Analytics")


def _name(text: str) -> str:
    """A name that Google Analytics accepts: at most 40 letters, digits and underscores, no reserved prefix."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)).lower()
    return f"invenicum_{name}"[:MAX_NAME_LENGTH] if RESERVED.match(name) else name[:MAX_NAME_LENGTH]

import hashlib
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlencode

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ...core.answers import error_for, excerpt, objects_at
from ...core.config import ConnectorConfig
from ...core.connector import Category, Connector, TestResult
from ...core.errors import AuthFailed, InvalidConfig, Rejected
from ...core.http import Flow, Request, Response
from ...core.markers import AssetEvents, Matches, SentTo
from ...families.analytics import actor_of, properties_of
from ...families.google import google_error, google_oauth
from .names import event_name, parameter_name, parameter_value

MeasurementId = Annotated[str, Matches(r"^G-[A-Z0-9]{4,20}$", "the measurement id of a data stream", "G-1A2BCD345E")]
ApiSecret = Annotated[
    SecretStr, Matches(r"^[A-Za-z0-9_-]{16,64}$", "a Measurement Protocol API secret", "AbCdEfGhIjKlMnOpQrStUv")
]
PropertyId = Annotated[str, Matches(r"^\d{5,12}$", "the number of a property", "123456789")]
# https://firebase.google.com/support/guides/init-options
FirebaseAppId = Annotated[
    str,
    Matches(
        r"^1:\d{5,20}:(?:android|ios|web):[0-9a-f]{8,64}$", "the id of a Firebase app", "1:1234567890:ios:321abc45"
    ),
]
AppInstanceId = Annotated[
    str, Matches(r"^[0-9A-Fa-f]{32}$", "the id of an app's installation", "0123456789abcdef0123456789abcdef")
]
Consent = Literal["GRANTED", "DENIED"]
MAX_EVENT_AGE_SECONDS = 72 * 3600  # older events are recorded without their time
SESSION_SECONDS = 30 * 60  # what somebody does within the same half hour is one session
COLLECT_URLS = {"global": "https://www.google-analytics.com", "eu": "https://region1.google-analytics.com"}


class GoogleAnalytics(Connector):
    type = "google_analytics"
    name = "Google Analytics 4"
    category = Category.ANALYTICS
    description = "Records an event in a Google Analytics 4 property when an asset changes."
    setup: ClassVar[str] = """\
1. In *Admin → Data streams*, open a web stream and copy its measurement id. For an app's stream give `firebaseAppId`
   instead (*Firebase console → Project settings → Your apps → App ID*) and an `appInstanceId`, which only the Firebase
   SDK tells (`getAppInstanceId`): all events are recorded as those of this installation.
2. There, under *Measurement Protocol API secrets*, create a secret and paste it here.
3. Google answers every event with success, even with a wrong secret. Connect with OAuth and give the `propertyId`
   too, and the connection test checks both against the property.
4. If the property is linked to Google Ads, say with `adUserData` and `adPersonalization` whether your users have
   consented to advertising. Without these, Google takes the consent that a website's tag recorded, if there is any.
"""
    sends: ClassVar[str] = """\
One event per delivery, named after Invenicum's (`asset_created`), with `asset_id`, `category`, the names of the
`changed_fields` and the event's other plain values, each cut to 100 characters, yes and no as text; `user_id` is who
did it, and what they do within the same half hour is one session. Names that Google reserves get a prefix
(`invenicum_session_start`). Google Analytics cannot recognise a repeated event: if its answer is lost, an event may
count twice (with the same `event_id`).
"""
    oauth = google_oauth("https://www.googleapis.com/auth/analytics.readonly")

    class Config(ConnectorConfig):
        in_example = ("measurementId",)

        measurement_id: MeasurementId | None = None
        api_secret: Annotated[ApiSecret, SentTo("region")]
        property_id: PropertyId | None = None
        region: Literal["global", "eu"] = "global"
        firebase_app_id: FirebaseAppId | None = None
        app_instance_id: Annotated[AppInstanceId | None, Field(validate_default=True)] = None
        ad_user_data: Consent | None = None
        ad_personalization: Consent | None = None
        events: AssetEvents = list(ASSET_EVENTS)

        @field_validator("app_instance_id")
        @classmethod
        def _one_stream(cls, instance: str | None, info: ValidationInfo) -> str | None:
            app, given = (info.data.get("firebase_app_id"), instance), info.data.get("measurement_id")
            is_known = {"measurement_id", "firebase_app_id"} <= info.data.keys()  # else they have errors of their own
            if is_known and (any(app) if given else not all(app)):
                raise PydanticCustomError(
                    "stream",
                    "give measurementId for a web stream, or firebaseAppId and appInstanceId for an app stream",
                )
            return instance

    def test(self, config: Config) -> Flow[TestResult]:
        # https://developers.google.com/analytics/devguides/collection/protocol/ga4/validating-events
        event = {"name": "connection_test", "params": {"session_id": 1, "engagement_time_msec": 1}}
        payload = _sender("test", config) | {"validation_behavior": "ENFORCE_RECOMMENDATIONS", "events": [event]}
        response = yield Request.json("POST", self._url("/debug/mp/collect", config), payload)
        if not response.ok:
            raise error_for(response, self.name)
        response.json_object()
        for problem in objects_at(response, "validationMessages"):
            raise InvalidConfig(f"Google Analytics refused the test event ({excerpt(problem.get('description'))}).")
        metadata: dict[str, Any] = {_alias(config): _stream(config), "region": config.region, "verified": False}
        if config.access_token and config.property_id:
            metadata["stream"] = yield from self._verify(config)
            metadata["verified"] = True
        return TestResult(f"Successfully reached Google Analytics for {_stream(config)}", metadata)

    def _verify(self, config: Config) -> Flow[Any]:
        """The name of the data stream. Raises an error if the property has no such stream or no such secret."""
        # https://developers.google.com/analytics/devguides/config/admin/v1/rest/v1beta/properties.dataStreams
        streams = yield from self._list(f"properties/{config.property_id}/dataStreams", "dataStreams", config)
        stream = next((stream for stream in streams if _stream(config) in _ids_of(stream)), None)
        if stream is None:
            sentence = f"The property {config.property_id} has no stream {_stream(config)}: check the id."
            raise InvalidConfig(sentence, {_alias(config): ["is not in this property"]})
        path = f"{stream.get('name')}/measurementProtocolSecrets"
        secrets = yield from self._list(path, "measurementProtocolSecrets", config)
        if config.api_secret.get_secret_value() not in [secret.get("secretValue") for secret in secrets]:
            raise AuthFailed(f"The stream {_stream(config)} has no such API secret: create one and paste it.")
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
        params: dict[str, Any] = {
            parameter_name(name): parameter_value(value) for name, value in properties_of(message).items()
        }
        # Without session and engagement, reports such as Realtime leave the event out.
        session = max(moment - moment % SESSION_SECONDS, 1)
        params |= {"event_id": message.id, "session_id": session, "engagement_time_msec": 1}
        payload = _sender(actor, config) | {"events": [{"name": event_name(message.name), "params": params}]}
        if actor:
            payload["user_id"] = actor
        if now - moment < MAX_EVENT_AGE_SECONDS:
            payload["timestamp_micros"] = moment * 1_000_000
        response = yield Request.json("POST", self._url("/mp/collect", config), payload)
        _check(response)

    def _url(self, path: str, config: Config) -> str:
        stream = "measurement_id" if config.measurement_id else "firebase_app_id"
        query = {stream: _stream(config), "api_secret": config.api_secret.get_secret_value()}
        return f"{self.endpoint('apiUrl', COLLECT_URLS[config.region])}{path}?{urlencode(query)}"


def _stream(config: GoogleAnalytics.Config) -> str:
    return config.measurement_id or config.firebase_app_id or ""


def _alias(config: GoogleAnalytics.Config) -> str:
    return "measurementId" if config.measurement_id else "firebaseAppId"


def _ids_of(stream: dict[str, Any]) -> list[Any]:
    """The measurement id of a web stream, the Firebase id of an app's."""
    found = [stream.get(kind) for kind in ("webStreamData", "androidAppStreamData", "iosAppStreamData")]
    return [data.get(name) for data in found if isinstance(data, dict) for name in ("measurementId", "firebaseAppId")]


def _sender(actor: str, config: GoogleAnalytics.Config) -> dict[str, Any]:
    """Who sends the event, and what they have consented to."""
    consent = {"ad_user_data": config.ad_user_data, "ad_personalization": config.ad_personalization}
    given = {name: state for name, state in consent.items() if state}
    sender = {"app_instance_id": config.app_instance_id} if config.app_instance_id else {"client_id": _client_id(actor)}
    return {**sender, **({"consent": given} if given else {})}


def _client_id(actor: str) -> str:
    """Two positive numbers, joined by a dot, as a browser would have them; the same for the same actor."""
    digest = hashlib.sha256(actor.encode()).digest()
    return f"{int.from_bytes(digest[:4]) or 1}.{int.from_bytes(digest[4:8]) or 1}"


def _check(response: Response) -> None:
    if response.status == 413:
        raise Rejected("Google Analytics refused the event as too large.")
    if not response.ok:
        raise error_for(response, "Google Analytics")

"""Google Analytics with a web stream and an app stream. As the real one, it accepts every event with any secret."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

TOKEN = "ya29.access-token"
MEASUREMENT_ID, API_SECRET = "G-1A2BCD345E", "AbCdEfGhIjKlMnOpQrStUv"
FIREBASE_APP_ID, APP_INSTANCE_ID = "1:1234567890:android:321abc456def7890", "0123456789abcdef0123456789abcdef"
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
CLIENT_ID = re.compile(r"[1-9]\d*\.[1-9]\d*")


class FakeGoogleAnalytics(FakeServer):
    """`recorded` holds the payloads that would count."""

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.recorded: list[dict[str, Any]] = []

    def _handle(self, request: Received) -> Answer:
        parts = urlsplit(request.path)
        if parts.path.startswith("/v1beta/"):
            return self._admin(parts.path, request)
        problems = problems_of(json.loads(request.body))
        if parts.path == "/debug/mp/collect":
            return json_answer(200, {"validationMessages": problems})
        query = parse_qs(parts.query)
        stream = (
            {"firebase_app_id": [FIREBASE_APP_ID]}
            if "firebase_app_id" in query
            else {"measurement_id": [MEASUREMENT_ID]}
        )
        if not problems and query == {**stream, "api_secret": [API_SECRET]}:
            self.recorded.append(json.loads(request.body))
        return 204, {}, b""

    def _admin(self, path: str, request: Received) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return json_answer(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})
        stream = {
            "name": "properties/123456789/dataStreams/1",
            "displayName": "Website",
            "webStreamData": {"measurementId": MEASUREMENT_ID},
        }
        app = {
            "name": "properties/123456789/dataStreams/2",
            "displayName": "Telephone",
            "androidAppStreamData": {"firebaseAppId": FIREBASE_APP_ID},
        }
        secrets = {"measurementProtocolSecrets": [{"secretValue": API_SECRET}]}
        answers: dict[str, Any] = {
            "/v1beta/properties/123456789/dataStreams": {"dataStreams": [app, stream]},
            "/v1beta/properties/123456789/dataStreams/1/measurementProtocolSecrets": secrets,
            "/v1beta/properties/123456789/dataStreams/2/measurementProtocolSecrets": secrets,
        }
        if path not in answers:
            error = {"code": 403, "message": "The caller does not have permission", "status": "PERMISSION_DENIED"}
            return json_answer(403, {"error": error})
        return json_answer(200, answers[path])


# https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference#reserved_names
RESERVED = """ad_activeview ad_click ad_exposure ad_query ad_reward adunit_exposure app_clear_data app_exception
app_install app_remove app_store_refund app_update app_upgrade dynamic_link_app_open dynamic_link_app_update
dynamic_link_first_open error firebase_campaign firebase_in_app_message_action firebase_in_app_message_dismiss
firebase_in_app_message_impression first_open first_visit notification_dismiss notification_foreground notification_open
notification_receive notification_send os_update session_start user_engagement ad_impression in_app_purchase
screen_view"""


def problems_of(payload: dict[str, Any]) -> list[dict[str, str]]:
    """Checks the limits: https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference"""
    if "app_instance_id" in payload:
        found = [] if len(payload["app_instance_id"]) == 32 else ["app_instance_id must have 32 digits"]
    else:  # "Must be two positive numbers, joined by a period (.)"
        found = [] if CLIENT_ID.fullmatch(payload.get("client_id", "")) else ["client_id is invalid"]
    if not set(payload.get("consent", {"ad_user_data": "GRANTED"}).values()) <= {"GRANTED", "DENIED"}:
        found.append("a consent is invalid")
    for event in payload["events"]:
        params = event["params"]
        found += [f"the name {name} is invalid" for name in [event["name"], *params] if not NAME.fullmatch(name)]
        found += [
            f"the name {name} is reserved" for name in params if name.startswith(("_", "firebase_", "ga_", "google_"))
        ]
        found += [f"the name {event['name']} is reserved"] if event["name"] in RESERVED.split() else []
        found += ["a value is too long" for value in params.values() if len(str(value)) > 100]
        found += [
            "a value is no text or number" for value in params.values() if isinstance(value, bool | list | dict | None)
        ]
        found += ["there are too many parameters"] if len(params) > 25 else []
        # "A positive numeric value representing a timestamp"; both are needed for reports such as Realtime.
        found += [] if params.get("session_id", 0) > 0 and params.get("engagement_time_msec") else ["no session"]
    return [{"description": text, "validationCode": "VALUE_INVALID"} for text in found]

"""Google Analytics with one data stream. As the real one, it accepts every event with any secret."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

TOKEN = "ya29.access-token"
MEASUREMENT_ID, API_SECRET = "G-1A2BCD345E", "AbCdEfGhIjKlMnOpQrStUv"
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


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
        if not problems and query == {"measurement_id": [MEASUREMENT_ID], "api_secret": [API_SECRET]}:
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
        answers = {
            "/v1beta/properties/123456789/dataStreams": {"dataStreams": [{"name": "app"}, stream]},
            "/v1beta/properties/123456789/dataStreams/1/measurementProtocolSecrets": {
                "measurementProtocolSecrets": [{"secretValue": API_SECRET}]
            },
        }
        if path not in answers:
            error = {"code": 403, "message": "The caller does not have permission", "status": "PERMISSION_DENIED"}
            return json_answer(403, {"error": error})
        return json_answer(200, answers[path])


def problems_of(payload: dict[str, Any]) -> list[dict[str, str]]:
    """Checks the limits: https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference"""
    found = [] if payload.get("client_id") else ["client_id is missing"]
    for event in payload["events"]:
        names = [event["name"], *event["params"]]
        found += [f"the name {name} is invalid" for name in names if not NAME.fullmatch(name)]
        found += ["a value is too long" for value in event["params"].values() if len(str(value)) > 100]
        found += ["there are too many parameters"] if len(event["params"]) > 25 else []
    return [{"description": text, "validationCode": "VALUE_INVALID"} for text in found]

"""A Mixpanel with one project, which accepts strict imports with its token or its service account."""

import base64
import json
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

PROJECT_TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT = "invenicum.a1b2c3.mp-service-account:AbCdEfGhIjKlMnOpQrStUvWxYz012345"


class FakeMixpanel(FakeServer):
    """`recorded` maps an event's insert id to the event, so that a repeated one counts once."""

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.recorded: dict[str, dict[str, Any]] = {}

    def _handle(self, request: Received) -> Answer:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        who = base64.b64decode(encoded).decode() if scheme == "Basic" else ""
        path = urlsplit(request.path).path
        if who not in (f"{PROJECT_TOKEN}:", ACCOUNT) or (path == "/api/app/me" and who != ACCOUNT):
            return json_answer(401, {"code": 401, "error": "Invalid credentials", "status": "Unauthorized"})
        if path == "/api/app/me":
            return json_answer(200, {"status": "ok", "results": {"projects": {"1234567": {"name": "Inventory"}}}})
        if who == ACCOUNT and "project_id=1234567" not in request.path:
            return json_answer(400, {"code": 400, "error": "project_id is required", "status": "Bad Request"})
        failed = []
        for event in json.loads(request.body):
            properties = event["properties"]
            if {"time", "distinct_id", "$insert_id"} <= set(properties):
                self.recorded[properties["$insert_id"]] = event
            else:
                failed.append({"index": 0, "field": "properties.time", "message": "'properties.time' is invalid"})
        if failed:
            answer = {
                "code": 400,
                "error": "some data points in the request failed validation",
                "failed_records": failed,
            }
            return json_answer(400, answer)
        return json_answer(200, {"code": 200, "num_records_imported": 1, "status": "OK"})

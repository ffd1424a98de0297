"""A Mixpanel with one project, which accepts strict imports with its token or its service account."""

import base64
import json
import re
import time
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

PROJECT_TOKEN = "0123456789abcdef0123456789abcdef"
# https://docs.mixpanel.com/reference/import-events says 10 MB; its example of a 413 and earlier editions say 2 MB.
MOST_EVENTS, MOST_BYTES = 2000, 2_097_152
ACCOUNT = "invenicum.a1b2c3.mp-service-account:AbCdEfGhIjKlMnOpQrStUvWxYz012345"
# "To prevent accidental implementation mistakes, we disallow the following values for distinct_id"
PLACEHOLDERS = """00000000-0000-0000-0000-000000000000 anon anonymous nil none null n/a na undefined unknown <nil> 0 -1
true false [] {}"""


class FakeMixpanel(FakeServer):
    """`recorded` maps an event's insert id to the event, so that a repeated one counts once.

    Of the assets in `refuses` no event is valid.
    """

    def __init__(self, refuses: Collection[str] = ()) -> None:
        super().__init__(self._handle)
        self.refuses = refuses
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
        if "strict=1" not in request.path:
            return json_answer(400, {"code": 400, "error": "not a strict import", "status": "Bad Request"})
        if len(request.body) > MOST_BYTES or len(json.loads(request.body)) > MOST_EVENTS:
            too_large = f"request exceeds max limit of {MOST_BYTES} bytes"
            return json_answer(413, {"code": 413, "error": too_large, "status": "Request Entity Too Large"})
        failed = []
        for index, event in enumerate(json.loads(request.body)):
            is_refused = event["properties"].get("assetId") in self.refuses
            if problem := "properties.time" if is_refused else problem_of(event["properties"]):
                insert_id = event["properties"].get("$insert_id", "")
                failed.append(
                    {"index": index, "$insert_id": insert_id, "field": problem, "message": f"'{problem}' is invalid"}
                )
            else:
                self.recorded[event["properties"]["$insert_id"]] = event
        imported = len(json.loads(request.body)) - len(failed)
        if failed:
            answer = {
                "code": 400,
                "error": "some data points in the request failed validation",
                "failed_records": failed,
                "num_records_imported": imported,
                "status": "Bad Request",
            }
            return json_answer(400, answer)
        return json_answer(200, {"code": 200, "num_records_imported": imported, "status": "OK"})


def problem_of(properties: dict[str, Any]) -> str:
    """The field that Mixpanel refuses, `""` if it takes the event: https://docs.mixpanel.com/reference/import-events"""
    for name in ("time", "distinct_id", "$insert_id"):
        if name not in properties:
            return f"properties.{name}"
    if properties["time"] > time.time() + 3600 or properties["time"] < 365 * 86_400:
        return "properties.time"
    if properties["distinct_id"] in PLACEHOLDERS.split():
        return "properties.distinct_id"
    if not re.fullmatch(r"[A-Za-z0-9-]{1,36}", properties["$insert_id"]):
        return "properties.$insert_id"
    return "" if len(properties) < 255 else "properties"

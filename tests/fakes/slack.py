"""A Slack that knows one webhook, one bot token and one channel."""

import json
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

WEBHOOK = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXX"
TOKEN = "xoxb-000000000000-example"


class FakeSlack(FakeServer):
    """`posted` holds the messages that people in the channel would see."""

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.posted: list[dict[str, Any]] = []

    def _handle(self, request: Received) -> Answer:
        path = urlsplit(request.path).path
        if path.startswith("/services/"):
            return self._webhook(path, request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return json_answer(200, {"ok": False, "error": "invalid_auth"})
        answers = {
            "/api/auth.test": {"ok": True, "team": "Invenicum Team", "user": "invenicum"},
            "/api/conversations.list": {"ok": True, "channels": [{"id": "C123456789", "name": "asset-updates"}]},
        }
        return json_answer(200, answers.get(path, {"ok": False, "error": "unknown_method"}))

    def _webhook(self, path: str, request: Received) -> Answer:
        if path != urlsplit(WEBHOOK).path:
            return _text(404, "no_service")
        try:
            payload = json.loads(request.body)
        except ValueError:
            return _text(400, "invalid_payload")
        if not payload.get("text") and not payload.get("blocks"):
            return _text(400, "no_text")
        if request.headers.get("content-type") != "application/json":
            return _text(400, "invalid_payload")
        for block in payload.get("blocks", []):
            if len(block.get("text", {}).get("text", "")) > 3000 or len(block.get("fields", [])) > 10:
                return _text(400, "invalid_blocks")
        self.posted.append(payload)
        return _text(200, "ok")


def _text(status: int, text: str) -> Answer:
    return status, {"Content-Type": "text/html"}, text.encode()

"""A Power Automate workflow that posts cards, and the part of Microsoft Graph that posting to one channel needs."""

import json
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer
from tests.integrations.connectors.examples import WORKFLOW

MAX_MESSAGE_BYTES = 28 * 1024  # https://learn.microsoft.com/microsoftteams/limits-specifications-teams
TOKEN = "eyJ0eXAi.access-token"
CHANNEL = "/v1.0/teams/02bd9fd6-8f93-4758-87c3-1fb73740a315/channels/19:d0bba23c2fc8413991125a43a54cc30e@thread.tacv2"


class FakeTeams(FakeServer):
    """`posted` holds the cards that people in the channel would see."""

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.posted: list[dict[str, Any]] = []
        self.enabled = True

    def _handle(self, request: Received) -> Answer:
        if len(request.body) > MAX_MESSAGE_BYTES:
            return _error(413, "RequestEntityTooLarge")
        payload = json.loads(request.body) if request.body else {}
        if request.path.startswith("/v1.0/"):
            return self._graph(request, payload)
        expected, actual = urlsplit(WORKFLOW), urlsplit(request.path)
        if actual.path != expected.path:
            return _error(404, "WorkflowNotFound")
        if actual.query != expected.query:
            return _error(401, "AuthorizationFailed")
        if not self.enabled:
            return _error(400, "WorkflowTriggerIsNotEnabled")
        if payload.get("type") != "message" or not isinstance(payload.get("attachments"), list):
            return _error(400, "TriggerInputSchemaMismatch")
        self.posted += [attachment["content"] for attachment in payload["attachments"]]
        return 202, {}, b""

    def _graph(self, request: Received, payload: dict[str, Any]) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "InvalidAuthenticationToken")
        path = urlsplit(request.path).path
        if path == CHANNEL:
            return json_answer(200, {"displayName": "Assets"})
        if path != f"{CHANNEL}/messages":
            return _error(404, "NotFound")
        (attachment,) = payload["attachments"]
        if f'<attachment id="{attachment["id"]}">' not in payload["body"]["content"]:
            return _error(400, "BadRequest")
        self.posted.append(json.loads(attachment["content"]))
        return json_answer(201, {"id": "1616990032035"})


def _error(status: int, code: str) -> Answer:
    return json_answer(status, {"error": {"code": code, "message": "No."}})

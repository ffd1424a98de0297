"""A Slack with one webhook, one bot token and one channel."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

WEBHOOK = "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXX"
TOKEN = "xoxb-000000000000-example"
# https://docs.slack.dev/reference/methods/auth.test
IDENTITY = {
    "url": "https://invenicum.slack.com/",
    "team": "Invenicum Team",
    "user": "invenicum",
    "team_id": "T00000000",
    "user_id": "U00000000",
    "bot_id": "B00000000",
    "is_enterprise_install": False,
}
# https://docs.slack.dev/reference/methods/conversations.list
GENERAL = {"id": "C012AB3CD", "name": "general", "is_channel": True, "is_archived": False, "is_private": False}
CHANNEL = {"id": "C123456789", "name": "asset-updates", "is_channel": True, "is_archived": False, "is_private": False}


class FakeSlack(FakeServer):
    """`posted` holds the messages that people in the channel would see."""

    def __init__(self, *scopes: str) -> None:
        super().__init__(self._handle)
        self.scopes = scopes or ("incoming-webhook", "chat:write", "channels:read", "groups:read")
        self.posted: list[dict[str, Any]] = []
        self.archived = False  # the channel, which also the webhook posts to
        self.token_revoked = False

    def _handle(self, request: Received) -> Answer:
        path = urlsplit(request.path).path
        if path.startswith("/services/"):
            return self._webhook(path, request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}" or self.token_revoked:
            return json_answer(200, {"ok": False, "error": "invalid_auth"})
        method, query = path.removeprefix("/api/"), dict(parse_qsl(urlsplit(request.path).query))
        scopes = {"x-oauth-scopes": ",".join(self.scopes)}
        if method == "chat.postMessage":
            return json_answer(200, self._posted(json.loads(request.body)), scopes)
        return json_answer(200, self._looked_up(method, query), scopes)

    def _posted(self, payload: dict[str, Any]) -> dict[str, Any]:
        """https://docs.slack.dev/reference/methods/chat.postMessage"""
        if "chat:write" not in self.scopes:
            return {"ok": False, "error": "missing_scope", "needed": "chat:write", "provided": ",".join(self.scopes)}
        if payload.get("channel") not in (CHANNEL["id"], "#asset-updates", "asset-updates"):
            return {"ok": False, "error": "channel_not_found"}
        if self.archived:
            return {"ok": False, "error": "is_archived"}
        if "chat:write.customize" not in self.scopes:
            payload = {key: value for key, value in payload.items() if key not in ("username", "icon_emoji")}
        self.posted.append(payload)
        return {"ok": True, "channel": CHANNEL["id"], "ts": "1503435956.000247", "message": payload}

    def _looked_up(self, method: str, query: dict[str, str]) -> dict[str, Any]:
        """As in the examples on docs.slack.dev/reference/methods/…."""
        match method:
            case "auth.test":
                return {"ok": True, **IDENTITY}
            case "conversations.info" | "conversations.list" if missing := self._missing_scope(query):
                return {"ok": False, "error": "missing_scope", "needed": missing, "provided": ",".join(self.scopes)}
            case "conversations.info" if query.get("channel") == CHANNEL["id"]:
                return {"ok": True, "channel": CHANNEL}
            case "conversations.info":
                return {"ok": False, "error": "channel_not_found"}
            case "conversations.list" if "cursor" not in query:
                return {"ok": True, "channels": [GENERAL], "response_metadata": {"next_cursor": "dGVhbTpDMDYx"}}
            case "conversations.list":
                return {"ok": True, "channels": [CHANNEL], "response_metadata": {"next_cursor": ""}}
        return {"ok": False, "error": "unknown_method", "req_method": method}

    def _missing_scope(self, query: dict[str, str]) -> str:
        needed = {"channels:read", *(["groups:read"] if "private_channel" in query.get("types", "") else [])}
        return ",".join(sorted(needed - set(self.scopes)))

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
        if self.archived:
            return _text(410, "channel_is_archived")
        for block in payload.get("blocks", []):
            if len(block.get("text", {}).get("text", "")) > 3000 or len(block.get("fields", [])) > 10:
                return _text(400, "invalid_blocks")
        # "You cannot override the default channel, username, or icon":
        # https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
        own = {"channel": CHANNEL["id"]}
        self.posted.append({key: value for key, value in payload.items() if key in ("text", "blocks")} | own)
        return _text(200, "ok")


def _text(status: int, text: str) -> Answer:
    return status, {"Content-Type": "text/html"}, text.encode()

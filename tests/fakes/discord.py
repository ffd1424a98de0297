"""A Discord with one webhook."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

WEBHOOK = (
    "https://discord.com/api/webhooks/347114750880120863"
    "/kKDdjXa1g9tKNs0-_yOwLyALC9gydEWP6gr9sHabuK1vuofjhQDDnlOclJeRIvYK-pj_"
)
PATH = "/api/v10" + urlsplit(WEBHOOK).path.removeprefix("/api")


class FakeDiscord(FakeServer):
    """`posted` holds the messages that people in the channel would see."""

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.posted: list[dict[str, Any]] = []
        self.deleted = False

    def _handle(self, request: Received) -> Answer:
        if not request.headers.get("user-agent", "").startswith("DiscordBot ("):
            return 403, {"Content-Type": "text/html"}, b"error code: 1010"
        parts = urlsplit(request.path)
        if self.deleted:
            return json_answer(404, {"message": "Unknown Webhook", "code": 10015})
        if parts.path != PATH:
            return json_answer(401, {"message": "Invalid Webhook Token", "code": 50027})
        if request.method == "GET":
            return json_answer(
                200, {"name": "Assets", "channel_id": "199737254929760256", "guild_id": "1997372549297602"}
            )
        payload = json.loads(request.body)
        if problem := problem_of(payload):
            return json_answer(400, {"message": "Invalid Form Body", "code": 50035, "errors": problem})
        self.posted.append(payload)
        return json_answer(200, {"id": "1"}) if parse_qs(parts.query).get("wait") == ["true"] else (204, {}, b"")


def problem_of(payload: dict[str, Any]) -> str:
    """Checks the limits: https://discord.com/developers/docs/resources/message#embed-object-embed-limits"""
    for embed in payload.get("embeds", []):
        if (
            len(embed.get("title", "")) > 256
            or len(embed.get("url", "")) > 2048
            or _characters(embed) > 6000
            or len(embed.get("description", "")) > 4096
            or len(embed.get("fields", [])) > 25
        ):
            return "too long"
        for field in embed.get("fields", []):
            if not (0 < len(field["name"]) <= 256 and 0 < len(field["value"]) <= 1024):
                return "bad field"
    return "" if payload.get("embeds") or payload.get("content") else "empty"


def _characters(embed: dict[str, Any]) -> int:
    texts = [embed.get("title", ""), embed.get("description", ""), embed.get("author", {}).get("name", "")]
    texts += [
        embed.get("footer", {}).get("text", ""),
        *(text for field in embed.get("fields", []) for text in field.values() if isinstance(text, str)),
    ]
    return sum(map(len, texts))

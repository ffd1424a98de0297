"""A Discord with one webhook."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer

WEBHOOK = (
    "https://discord.com/api/webhooks/347114750880120863"
    "/kKDdjXa1g9tKNs0-_yOwLyALC9gydEWP6gr9sHabuK1vuofjhQDDnlOclJeRIvYK-pj_"
)
THREAD = "1234567890123456789"
PATH = "/api/v10" + urlsplit(WEBHOOK).path.removeprefix("/api")


class FakeDiscord(FakeServer):
    """`posted` holds the messages that people in the channel would see."""

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.posted: list[dict[str, Any]] = []
        self.deleted = False
        # https://discord.com/developers/docs/resources/channel#channel-object-channel-types
        self.is_forum = False
        self.needs_tag = False
        self.locked_threads: set[str] = set()
        self.threads = {THREAD}
        self.left: int | None = None  # requests until the limit; None for an answer without headers

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
        if request.method == "DELETE":
            self.deleted = True
            return 204, {}, b""
        payload, query = json.loads(request.body), parse_qs(parts.query)
        if refusal := self._refusal(payload, query.get("thread_id", [""])[0]):
            code, message = refusal
            return json_answer(404 if code == 10003 else 400, {"message": message, "code": code})
        problem = problem_of(payload)
        if problem not in ("", "empty"):
            return json_answer(400, {"message": "Invalid Form Body", "code": 50035, "errors": problem})
        if problem == "empty":
            return json_answer(400, {"message": "Cannot send an empty message", "code": 50006})
        self.posted.append(payload | ({"thread_id": query["thread_id"][0]} if "thread_id" in query else {}))
        headers = {}
        if self.left is not None:
            self.left = max(self.left - 1, 0)
            # https://discord.com/developers/docs/topics/rate-limits#header-format
            headers = {
                "X-RateLimit-Limit": "5",
                "X-RateLimit-Remaining": str(self.left),
                "X-RateLimit-Reset-After": "0.6",
            }
        return json_answer(200, {"id": "1"}, headers) if query.get("wait") == ["true"] else (204, headers, b"")

    def _refusal(self, payload: dict[str, Any], thread_id: str) -> tuple[int, str] | None:
        """Codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json"""
        starts = "thread_name" in payload
        if thread_id and thread_id not in self.threads:
            return 10003, "Unknown Channel"
        if thread_id in self.locked_threads:
            return 160005, "Thread is locked"
        if self.is_forum and starts and thread_id:
            return 220002, "Webhooks posted to forum channels cannot have both a thread_name and thread_id"
        if self.is_forum and not starts and not thread_id:
            return 220001, "Webhooks posted to forum channels must have a thread_name or thread_id"
        if not self.is_forum and starts:
            return 220003, "Webhooks can only create threads in forum channels"
        if self.is_forum and starts and self.needs_tag and not payload.get("applied_tags"):
            return 40067, "A tag is required to create a forum post in this channel"
        return None


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

"""Flows that are being driven, and how they end."""

import time
from collections.abc import Collection, Hashable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from ..core.errors import TimedOut
from ..core.http import Flow, Response
from ..core.redaction import redact
from .policy import origin
from .transfer import Transfer

Key = TypeVar("Key")

MAX_EXCERPT_LENGTH = 1000
# More than the excerpt needs, so that a secret that crosses its end is still recognised and hidden.
_EXCERPT_SOURCE_BYTES = 8 * MAX_EXCERPT_LENGTH


@dataclass(slots=True)
class Finished(Generic[Key]):
    """A flow that has ended, with `result` or with `error` (any exception if the flow itself has a defect).

    `duration` is in seconds. `status` and `excerpt` are of the last response; the request is not kept.
    """

    key: Key
    result: Any
    error: Exception | None
    started_at: datetime
    duration: float
    status: int | None
    excerpt: str


class Run(Generic[Key]):
    """A flow in flight, and the transfer that it uses until it ends."""

    __slots__ = (
        "_secrets",
        "account",
        "deadline",
        "flow",
        "key",
        "request_is_confidential",
        "response",
        "response_is_confidential",
        "started",
        "started_at",
        "transfer",
    )

    def __init__(
        self,
        key: Key,
        flow: Flow[Any],
        transfer: Transfer,
        timeout: float,
        secrets: Collection[str],
        account: Hashable,
    ):
        self.key = key
        self.account = account
        self.flow = flow
        self.transfer = transfer
        self.request_is_confidential = False
        self.response: Response | None = None
        self.response_is_confidential = False
        self.started_at = datetime.now(UTC)
        self.started = time.monotonic()
        self.deadline = self.started + timeout
        self._secrets = secrets

    def seconds_left(self) -> float:
        """Raises TimedOut if the time of the flow is over."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimedOut(f"The time ran out before a request to {origin(self.transfer.url)} was sent.")
        return seconds

    def excerpt(self) -> str:
        if not (self.response and self.response.body) or self.response_is_confidential:
            return ""
        # PostgreSQL cannot store the NUL character.
        text = (
            self.response.body[:_EXCERPT_SOURCE_BYTES]
            .decode("utf-8", "replace")
            .replace("\0", "\N{REPLACEMENT CHARACTER}")
        )
        if self._secrets:
            is_cut = len(self.response.body) > _EXCERPT_SOURCE_BYTES
            # The cut may have left a part of a character.
            text = redact(text.rstrip("\N{REPLACEMENT CHARACTER}") if is_cut else text, self._secrets, is_cut=is_cut)
        return text[:MAX_EXCERPT_LENGTH]

    def abandon(self) -> None:
        with suppress(Exception):
            self.flow.close()

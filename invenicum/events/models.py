from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.db import models

from invenicum.ids import public_id, uuid7

from .message import Message
from .position import CurrentPosition, NextNumber


class Event(models.Model):
    """An immutable fact about something of an owner."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="events", db_index=False)
    name = models.CharField(max_length=100)
    # The id of the asset, if it is about one.
    subject = models.CharField(max_length=100, blank=True, default="")
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()
    # The JSON that is signed and sent. Text, because a JSON column does not return the same bytes.
    body = models.TextField()
    # The asset at that time, for connectors that keep a copy. Null if the publisher does not know it.
    document = models.JSONField(null=True, blank=True)
    # Together they order the feed: see `position.py`. The sequence alone orders deliveries about the same asset.
    # No position: it is a snapshot for one integration, and not in the feed.
    position = models.BigIntegerField(null=True, db_default=CurrentPosition(), editable=False)
    sequence = models.BigIntegerField(db_default=NextNumber(), editable=False)
    # Its place in a trace, as in the header of this name; null if traces are off. See `invenicum.tracing`.
    traceparent = models.CharField(max_length=55, null=True, editable=False)  # noqa: DJ001 - null takes no space

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["owner", "position", "sequence"], name="event_feed"),
            models.Index(fields=["owner", "subject", "sequence"], name="event_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.public_id}"

    @property
    def public_id(self) -> str:
        return public_id("evt", self.id)

    @property
    def payload(self) -> dict[str, Any]:
        """The body as it is sent, decoded."""
        payload: dict[str, Any] = json.loads(self.body)
        return payload

    def message(self, delivery: str = "") -> Message:
        """The value that connectors receive. `delivery` is the public id of the delivery, e.g. `dlv_0190…`."""
        return Message(
            id=self.public_id,
            name=self.name,
            occurred_at=self.occurred_at,
            body=self.body.encode(),
            document=self.document,
            delivery=delivery,
            traceparent=self.traceparent or "",
        )


class FeedServer(models.Model):
    """The PostgreSQL server that gave the events their positions: one row, see `renumbering.py`."""

    id = models.SmallIntegerField(primary_key=True)
    identifier = models.BigIntegerField()  # `system_identifier` of `pg_control_system()`

    def __str__(self) -> str:
        return str(self.identifier)

"""Test inboxes: addresses that keep what they are sent for a day, with what a receiver would say of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Inbox(models.Model):
    """A user's test inbox. Who knows its key can send to it, and can do nothing else with it."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=43, unique=True)  # 256 bits, at random
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"test inbox of {self.owner.public_id}"


class InboxRequest(models.Model):
    """A request that an inbox received.

    `headers`: pairs of name and value; values that may be secret are dots. `body`: the first MAX_KEPT_BYTES of `size`.
    `findings`: of each a fault, what it is about, and its detail, as of when it arrived.
    """

    inbox = models.ForeignKey(Inbox, models.CASCADE, related_name="requests")
    received_at = models.DateTimeField()
    method = models.CharField(max_length=10)
    headers = models.JSONField(default=list)
    body = models.BinaryField(default=bytes)
    size = models.PositiveIntegerField(default=0)
    findings = models.JSONField(default=list)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.method} at {self.received_at:%H:%M:%S}"

"""What providers send to us."""

from __future__ import annotations

from django.db import models

from integrations.models import Integration
from invenicum.events.models import Event
from invenicum.ids import public_id, uuid7


class InboundEvent(models.Model):
    """An event that a provider sent to `/webhooks/<type>`. Stored once, however often the provider sends it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    integration = models.ForeignKey(Integration, models.CASCADE, related_name="inbound_events", db_index=False)
    type = models.CharField(max_length=40)
    name = models.CharField(max_length=100)
    provider_delivery_id = models.CharField(max_length=200)
    payload = models.JSONField()
    received_at = models.DateTimeField()
    # The event that it was published as; null if the integration was paused.
    event = models.ForeignKey(Event, models.SET_NULL, null=True, related_name="inbound_events")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["integration", "provider_delivery_id"], name="one_inbound_event_a_delivery")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.public_id}"

    @property
    def public_id(self) -> str:
        return public_id("inb", self.id)


class InboundKey(models.Model):
    """The provider's id of what an integration is connected to, for requests whose address has no integration id."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="inbound_keys")
    type = models.CharField(max_length=40)
    key = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["type", "key", "integration"], name="one_inbound_key")]

    def __str__(self) -> str:
        return f"{self.type} {self.key}"

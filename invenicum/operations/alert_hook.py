"""The webhook for alerts: signed, and sent through the same door, as deliveries to custom webhooks are."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import structlog
from django.conf import settings

from integrations.connectors.webhook import Webhook
from integrations.core.errors import IntegrationError
from integrations.core.http import encode_json
from integrations.egress.curl import run_flow
from invenicum.events.message import Message
from invenicum.timestamps import format_timestamp

from .models import Alert

HOOK_SECONDS = 10.0

log = structlog.get_logger(__name__)


def configuration() -> Webhook.Config | None:
    """Where alerts are sent to; None if nowhere. Raises InvalidConfig."""
    if not settings.ALERT_WEBHOOK_URL:
        return None
    return Webhook.Config.parse({"url": settings.ALERT_WEBHOOK_URL, "secret": settings.ALERT_WEBHOOK_SECRET or None})


def send(event: str, alert: Alert) -> None:
    """Sends `alert.started` or `alert.ended`, once. One that fails is logged, and never raises."""
    try:
        config = configuration()
        if config:
            now = datetime.now(UTC).replace(microsecond=0)
            body = encode_json({"event": event, "timestamp": format_timestamp(now), "data": _data(alert)})
            message = Message(f"evt_{uuid4().hex}", event, now, body, delivery=f"dlv_{uuid4().hex}")
            run_flow(Webhook().deliver(message, config, int(time.time())), HOOK_SECONDS)
    except IntegrationError as error:
        log.warning("alert_not_sent", alert=str(alert), error=error.message)


def _data(alert: Alert) -> dict[str, Any]:
    return {
        "rule": alert.rule,
        "subject": alert.subject or None,
        "message": alert.sentence,
        "figures": alert.figures,
        "since": format_timestamp(alert.since),
        "endedAt": format_timestamp(alert.ended_at) if alert.ended_at else None,
    }

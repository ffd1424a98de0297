"""Previews: what a service would be sent for an event. Nothing is sent, and nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.utils import timezone
from pydantic import SecretStr

from invenicum.accounts.models import User
from invenicum.events.feed import newest
from invenicum.events.message import Message
from invenicum.events.models import Event
from invenicum.events.names import ASSET_CREATED, ASSET_DELETED, ASSET_UPDATED, matches
from invenicum.ids import parse_public_id, public_id, uuid7

from . import lookups, registry, submissions
from .core.errors import ConnectionFailed, IntegrationError
from .core.http import Request, encode_json
from .core.preview import Preview, first_write, shown

_TOKEN = "access-token-of-a-preview"
SAMPLE_ID = "evt_" + "0" * 32
SAMPLE_DELIVERY = "dlv_" + "0" * 32
_MOMENT = datetime(2026, 3, 7, 10, 30, tzinfo=UTC)
_ASSET = {"assetId": "asset-123", "name": "Product Photo.jpg", "category": "Images"}
LAST = "last"  # asks for the newest event that the integration receives
LAST_EVENTS = 50  # looked at for it
_URL = "https://cdn.invenicum.com/assets/asset-123"
# As the specification has them.
_SAMPLES: dict[str, dict[str, Any]] = {
    ASSET_CREATED: {**_ASSET, "createdBy": "user-456", "url": _URL},
    ASSET_UPDATED: {
        "assetId": "asset-123",
        "changes": {
            "name": {"old": "Product Photo.jpg", "new": "Hero Image.jpg"},
            "tags": {"added": ["featured"], "removed": ["draft"]},
        },
        "updatedBy": "user-789",
    },
    ASSET_DELETED: {"assetId": "asset-123", "name": "Deprecated Asset.jpg", "deletedBy": "user-456"},
}

SAMPLES = tuple(_SAMPLES)


class UnknownEvent(LookupError):
    """The user has no such event."""


@dataclass(frozen=True, slots=True)
class EventPreview:
    """The event, e.g. `asset.created`, its id (None for a sample), and its request, None if nothing would be sent.

    `is_received`: whether the configuration asks for such events; if not, the request is one that would be sent if it
    did.
    """

    event: str
    event_id: str | None
    request: Preview | None
    is_received: bool


def preview_saved(
    owner: User, integration_type: str, wanted: str | None = None, delivery: str = SAMPLE_DELIVERY
) -> EventPreview:
    """What the owner's integration of a type would be sent for an event.

    `wanted`: the id of one of theirs, LAST, one of SAMPLES, or None for the first sample that it receives. `delivery`:
    the public id of the delivery, e.g. `dlv_0190…`.
    Raises UnknownType, IntegrationNotFound, UnknownEvent, InvalidConfig if it is incomplete, or another
    IntegrationError if it refuses the event.
    """
    stored = lookups.find(owner, integration_type)
    return preview(owner, integration_type, stored.shown_config(), wanted, delivery)


def preview(
    owner: User,
    integration_type: str,
    values: Mapping[str, Any],
    wanted: str | None = None,
    delivery: str = SAMPLE_DELIVERY,
) -> EventPreview:
    """The same for a configuration that is not saved; secrets that are blank are those stored. `values`: by JSON name.

    Raises UnknownType, UnknownEvent, InvalidConfig, or another IntegrationError.
    """
    connector = registry.get(integration_type)
    stored = submissions.stored(owner, integration_type)
    config, connected = submissions.parse(connector, values, stored)
    if made := connector.generated_secrets(config):  # a save would make them; no value of theirs is shown
        config = type(config).load(config.public(), config.secrets() | made)
    if connected:
        config = config.model_copy(update={"access_token": SecretStr(_TOKEN)})
    if stored:
        config = config.model_copy(update={"integration_id": str(stored.pk)})
    patterns = connector.subscriptions(config)
    is_sample = wanted is None or wanted in SAMPLES
    message = _sample(patterns, wanted) if is_sample else _message(owner, patterns, wanted or "", delivery)
    now = int((message.occurred_at if is_sample else timezone.now()).timestamp())
    request = first_write(
        partial(connector.deliver, message, config, now), lambda asked: connector.only_reads(asked, config)
    )
    secrets = [*config.secret_texts(), *made.values()]
    return EventPreview(
        message.name,
        None if is_sample else message.id,
        shown(request, secrets) if request else None,
        matches(patterns, message.name),
    )


def sent_body(owner: User, integration_type: str, event_id: str) -> bytes | None:
    """The body that the owner's saved integration sends for an event of theirs; None if there is none."""
    key = parse_public_id("evt", event_id)
    event = Event.objects.filter(pk=key, owner=owner).first() if key else None
    try:
        return _request(owner, integration_type, event.message(SAMPLE_DELIVERY)).body if event else None
    except (lookups.IntegrationNotFound, IntegrationError):
        return None


def sample_request(owner: User, integration_type: str) -> Request:
    """What the owner's saved integration sends for a sample that it receives, signed now. It holds secrets.

    Raises UnknownType, IntegrationNotFound or an IntegrationError.
    """
    message = _sample(lookups.find(owner, integration_type).subscriptions, None)
    return _request(owner, integration_type, replace(message, id=public_id("evt", uuid7())))


def _request(owner: User, integration_type: str, message: Message) -> Request:
    connector = registry.get(integration_type)
    config = lookups.find(owner, integration_type).load_config()
    now = int(timezone.now().timestamp())
    request = first_write(
        partial(connector.deliver, message, config, now), lambda asked: connector.only_reads(asked, config)
    )
    if request is None:
        raise ConnectionFailed("For this event nothing would be sent.")
    return request


def _sample(patterns: Sequence[str], wanted: str | None) -> Message:
    """The specification's event of that name; without a name the first one that `patterns` has."""
    name = wanted or next((name for name in SAMPLES if name in patterns), ASSET_CREATED)
    body = encode_json({"event": name, "timestamp": "2026-03-07T10:30:00Z", "data": _SAMPLES[name]})
    document = {**_ASSET, "tags": ["draft"], "url": _URL, "createdBy": "user-456"}
    times = dict.fromkeys(("createdAt", "updatedAt"), "2026-03-07T10:30:00Z")
    return Message(SAMPLE_ID, name, _MOMENT, body, document | times, SAMPLE_DELIVERY)


def _message(owner: User, patterns: Sequence[str], wanted: str, delivery: str) -> Message:
    """The owner's event of that id, or the last one that `patterns` have; of the newest of all if none is."""
    if wanted == LAST:
        events = newest(owner, LAST_EVENTS)
        event = next((event for event in events if matches(patterns, event.name)), None) or next(iter(events), None)
    else:
        key = parse_public_id("evt", wanted)
        event = Event.objects.filter(pk=key, owner=owner).first() if key else None
    if event is None:
        raise UnknownEvent(wanted)
    return event.message(delivery)

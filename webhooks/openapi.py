"""The `webhooks` section of the OpenAPI document: what the address of a custom webhook is sent. Pure."""

from typing import Any

from integrations.connectors.webhook import DELIVERY_HEADER, EVENT_HEADER
from integrations.core.signing import NEXT_SIGNATURE_HEADER, PREVIOUS_SIGNATURE_HEADER, SIGNATURE_HEADER
from invenicum.events.names import ASSET_CREATED, ASSET_DELETED, ASSET_UPDATED, NAME, PING

_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time", "examples": ["2026-03-07T10:30:00Z"]}
_USER = {"type": "string", "examples": ["user-456"]}
_ASSET_ID = {"type": "string", "examples": ["asset-123"]}
_CHANGED_TEXT = {"type": "object", "properties": {"old": _TEXT, "new": _TEXT}, "required": ["old", "new"]}
_TAGS = {"type": "array", "items": _TEXT}


_SNAPSHOT = {
    "snapshot": {
        "type": "boolean",
        "description": "Always true, and only there if the asset was not created just now: a backfill sends it so.",
    }
}


def _event(says: str, event: dict[str, Any], data: dict[str, Any], required: list[str], example: Any) -> dict[str, Any]:
    """The JSON Schema of a body. Receivers have to expect properties that are not listed."""
    return {
        "type": "object",
        "description": says,
        "properties": {
            "event": event,
            "timestamp": _TIME,
            "data": {"type": "object", "properties": data, **({"required": required} if required else {})},
            **(_SNAPSHOT if event.get("const") == ASSET_CREATED else {}),
        },
        "required": ["event", "timestamp", "data"],
        **({"examples": [example]} if example else {}),
    }


SCHEMAS = {
    "AssetCreatedEvent": _event(
        "An asset was created. An event that an outside backend published has at least `data.assetId`.",
        {"type": "string", "const": ASSET_CREATED},
        {"assetId": _ASSET_ID, "name": _TEXT, "category": _TEXT, "createdBy": _USER, "url": _TEXT},
        ["assetId"],
        {
            "event": ASSET_CREATED,
            "timestamp": "2026-03-07T10:30:00Z",
            "data": {
                "assetId": "asset-123",
                "name": "Product Photo.jpg",
                "category": "Images",
                "createdBy": "user-456",
                "url": "https://cdn.invenicum.com/assets/asset-123",
            },
        },
    ),
    "AssetUpdatedEvent": _event(
        "An asset was changed; `data.changes` has only what differs. An event that an outside backend published has at "
        "least `data.assetId`.",
        {"type": "string", "const": ASSET_UPDATED},
        {
            "assetId": _ASSET_ID,
            "changes": {
                "type": "object",
                "properties": {
                    **dict.fromkeys(("name", "category", "url"), _CHANGED_TEXT),
                    "tags": {"type": "object", "properties": {"added": _TAGS, "removed": _TAGS}},
                },
            },
            "updatedBy": _USER,
        },
        ["assetId"],
        {
            "event": ASSET_UPDATED,
            "timestamp": "2026-03-07T11:00:00Z",
            "data": {
                "assetId": "asset-123",
                "changes": {
                    "name": {"old": "Product Photo.jpg", "new": "Hero Image.jpg"},
                    "tags": {"added": ["featured"], "removed": ["draft"]},
                },
                "updatedBy": "user-789",
            },
        },
    ),
    "AssetDeletedEvent": _event(
        "An asset was deleted. An event that an outside backend published has at least `data.assetId`.",
        {"type": "string", "const": ASSET_DELETED},
        {"assetId": _ASSET_ID, "name": _TEXT, "deletedBy": _USER},
        ["assetId"],
        {
            "event": ASSET_DELETED,
            "timestamp": "2026-03-07T12:00:00Z",
            "data": {"assetId": "asset-123", "name": "Deprecated Asset.jpg", "deletedBy": "user-456"},
        },
    ),
    "PingEvent": _event(
        "Sent on request (`POST /integrations/webhook/ping`), and by a test of the configuration, which has no data.",
        {"type": "string", "const": PING},
        {"type": {"type": "string", "const": "webhook"}, "message": _TEXT},
        [],
        None,
    ),
    "HookEvent": _event(
        "What a connected service told, named as the service names it: `github.push`, `gitlab.merge_request`.",
        {"type": "string", "pattern": rf"^{NAME.pattern}$", "examples": ["github.push"]},
        {
            "integration": {"type": "string", "description": "The type of the integration.", "examples": ["github"]},
            "deliveryId": {"type": "string", "description": "The service's own id of the hook."},
            "title": {"type": "string", "description": "One line for people."},
            "url": {"type": "string", "description": "The page at the service."},
            "truncated": {"type": "boolean", "description": "Whether `payload` was above 256 KiB and is shortened."},
            "payload": {"type": "object", "description": "The hook's body, as the service documents it."},
        },
        ["integration", "deliveryId", "payload"],
        None,
    ),
    "OtherEvent": _event(
        "Any other event that was published with `POST /events`.",
        {"type": "string", "pattern": rf"^{NAME.pattern}$", "examples": ["report.ready"]},
        {},
        [],
        None,
    ),
}

_V1 = "v1,[A-Za-z0-9+/]{43}="
_V1A = "v1a,[A-Za-z0-9+/]{86}=="

HEADERS = {
    "XInvenicumSignature": {
        "name": SIGNATURE_HEADER,
        "description": "`sha256=` and the HMAC-SHA256 of the raw body in hexadecimal. The key is the whole text of the "
        "signing secret, `whsec_` included: for 12 hours after a rotation of the old one, then of the new one. "
        "Not sent if the webhook's `signature` is `v1a`.",
        "schema": {"type": "string", "pattern": "^sha256=[0-9a-f]{64}$"},
    },
    "XInvenicumSignatureNext": {
        "name": NEXT_SIGNATURE_HEADER,
        "description": "The same by the new secret, for the first 12 hours after a rotation.",
        "schema": {"type": "string", "pattern": "^sha256=[0-9a-f]{64}$"},
    },
    "XInvenicumSignaturePrevious": {
        "name": PREVIOUS_SIGNATURE_HEADER,
        "description": "The same by the old secret, from 12 to 24 hours after a rotation.",
        "schema": {"type": "string", "pattern": "^sha256=[0-9a-f]{64}$"},
    },
    "XInvenicumEvent": {
        "name": EVENT_HEADER,
        "description": "The event's name, as in the body. It is not signed.",
        "schema": {"type": "string", "pattern": rf"^{NAME.pattern}$", "examples": [ASSET_CREATED]},
    },
    "XInvenicumDelivery": {
        "name": DELIVERY_HEADER,
        "description": "The id of the delivery, as in `GET /deliveries/:id`, the same on every attempt. It is not "
        "signed.",
        "schema": {"type": "string", "pattern": "^dlv_[0-9a-f]{32}$"},
    },
    "WebhookId": {
        "name": "webhook-id",
        "description": "The id of the event, the same on every attempt (Standard Webhooks): skip ids that you have "
        "handled.",
        "schema": {"type": "string", "pattern": "^evt_[0-9a-f]{32}$"},
    },
    "WebhookTimestamp": {
        "name": "webhook-timestamp",
        "description": "When this attempt was signed, in Unix seconds (Standard Webhooks).",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "WebhookSignature": {
        "name": "webhook-signature",
        "description": "`v1,` and the HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<raw body>` in base64 (Standard "
        "Webhooks). The key is what the base64 after `whsec_` stands for. If the webhook's `signature` is `v1a`, it is "
        "`v1a,` and the Ed25519 signature, to be verified with the public key after `whpk_`. After a rotation of the "
        "secret there are two signatures, with a space between them; one that verifies is enough.",
        "schema": {
            "type": "string",
            "pattern": f"^(?:{_V1}(?: {_V1})*|{_V1A}(?: {_V1A})*)$",
        },
    },
}
OPTIONAL_HEADERS = frozenset({"XInvenicumSignature", "XInvenicumSignatureNext", "XInvenicumSignaturePrevious"})

_WEBHOOKS = {
    ASSET_CREATED: ("sendAssetCreated", "An asset was created", "AssetCreatedEvent"),
    ASSET_UPDATED: ("sendAssetUpdated", "An asset was changed", "AssetUpdatedEvent"),
    ASSET_DELETED: ("sendAssetDeleted", "An asset was deleted", "AssetDeletedEvent"),
    PING: ("sendPing", "A ping", "PingEvent"),
    "hook": ("sendHook", "A hook of a connected service", "HookEvent"),
    "other": ("sendOther", "Any other event that was published", "OtherEvent"),
}


def add_webhooks(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """The OpenAPI document `result` with the section `webhooks`, and the schemas and headers that it refers to.

    A postprocessing hook of drf-spectacular, whose own `WEBHOOKS` supports no headers:
    https://drf-spectacular.readthedocs.io/en/latest/settings.html
    """
    components = result["components"]
    headers = {name: _header(name) for name in HEADERS}
    return {
        **result,
        "components": {
            **components,
            "schemas": {**components["schemas"], **SCHEMAS},
            "parameters": {**components.get("parameters", {}), **headers},
        },
        "webhooks": {name: {"post": _operation(*facts)} for name, facts in _WEBHOOKS.items()},
    }


def _header(name: str) -> dict[str, Any]:
    return {**HEADERS[name], "in": "header", "required": name not in OPTIONAL_HEADERS}


def _operation(operation_id: str, summary: str, schema: str) -> dict[str, Any]:
    return {
        "operationId": operation_id,
        "summary": summary,
        "description": "Sent with the `method` and the `headers` of the webhook's configuration and with these, which "
        "are two proofs that it comes from here: verify one of them before you trust the body. With `GET` and `DELETE` "
        "there is no body, and the signatures are of none.",
        "tags": ["sent"],
        "security": [],
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in HEADERS],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
        },
        "responses": {
            "2XX": {"description": "Accepted: it is not sent again."},
            "410": {"description": "The address is gone: the integration is disabled."},
            "default": {"description": "It is sent again later, after `Retry-After` if there is one."},
        },
    }

"""Discord's webhook events: https://discord.com/developers/docs/events/webhook-events"""

import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ...core.inbound import HookResponse, Inbound, InboundRequest, ProviderEvent, Unreadable
from ...core.payloads import text_in


class DiscordInbound(Inbound):
    setup = """\
1. Save the *Application ID* and the *Public Key* of your Discord application as `applicationId` and `publicKey`.
2. Then give this address under *Webhooks → Endpoint* of the application, and choose the events.

An event is published by the name that Discord gives it: `discord.application_authorized`.
"""
    accepted = HookResponse(204)
    proof_headers = ("x-signature-ed25519",)

    def keys_of(self, config: Any, state: Mapping[str, Any]) -> tuple[str, ...]:
        return (config.application_id or "",)

    def keys_in(self, request: InboundRequest) -> tuple[str, ...]:
        return (text_in(request.payload, "application_id"),)

    def is_authentic(self, request: InboundRequest, config: Any, app_secret: str) -> bool:
        # https://discord.com/developers/docs/interactions/overview#validating-security-request-headers
        signed = request.header("x-signature-timestamp").encode() + request.body
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(config.public_key or ""))
            key.verify(bytes.fromhex(request.header("x-signature-ed25519")), signed)
        except (ValueError, InvalidSignature):
            return False
        return True

    def read(self, request: InboundRequest, state: Mapping[str, Any]) -> ProviderEvent | HookResponse:
        event, kind = request.payload.get("event"), request.payload.get("type")
        if kind == 0:  # the ping of a webhook address
            return HookResponse(204)
        if kind == 1 and not event:  # the ping of an interactions address
            return HookResponse(body=json.dumps({"type": 1}).encode(), content_type="application/json")
        if not isinstance(event, Mapping):
            raise Unreadable("Only webhook events are accepted here, not interactions.")
        # Events have no id. The body has the event's time, so that only a repeated delivery has the same digest.
        return ProviderEvent(text_in(event, "type") or "event", request.digest, request.payload)

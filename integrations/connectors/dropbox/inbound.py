"""Dropbox's webhooks: https://www.dropbox.com/developers/reference/webhooks"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ...core.inbound import HookResponse, Inbound, InboundRequest, ProviderEvent
from ...core.payloads import value_in
from ...core.verification import is_signed


class DropboxInbound(Inbound):
    setup = """\
The operator of this service enters this address in the *App Console* under *Webhooks*. For every account that is
connected with OAuth, `dropbox.change` then says that something has changed in it, not what.
"""
    app_secret = "client"
    proof_headers = ("x-dropbox-signature",)

    def handshake(self, request: InboundRequest) -> HookResponse | None:
        challenge = request.query.get("challenge")
        return HookResponse(body=challenge.encode()) if challenge else None

    def keys_of(self, config: Any, state: Mapping[str, Any]) -> tuple[str, ...]:
        return (state.get("accountId", ""),)

    def keys_in(self, request: InboundRequest) -> tuple[str, ...]:
        accounts = value_in(request.payload, "list_folder", "accounts")
        return tuple(item for item in accounts if isinstance(item, str)) if isinstance(accounts, list) else ()

    def is_authentic(self, request: InboundRequest, config: Any, app_secret: str) -> bool:
        return is_signed(request, "x-dropbox-signature", app_secret)

    def read(self, request: InboundRequest, state: Mapping[str, Any]) -> ProviderEvent | HookResponse:
        # The body is the same each time the same accounts change: a repeated delivery cannot be recognised, so each
        # gets an id of its own. The accounts of other users are left out.
        return ProviderEvent("change", str(uuid4()), {"accountId": state.get("accountId", "")})

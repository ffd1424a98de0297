"""Google Drive's push notifications: https://developers.google.com/workspace/drive/api/guides/push"""

from collections.abc import Mapping
from typing import Any

from ...core.fields import reveal
from ...core.inbound import HookResponse, Inbound, InboundRequest, ProviderEvent
from ...core.verification import is_same


class GoogleDriveInbound(Inbound):
    setup = """\
Give this address as `webhookUrl`. Google must be able to reach it over https. `google_drive.change` then says that
one of the files that Invenicum may see has changed, not which.
"""
    proof_headers = ("x-goog-channel-token",)

    def keys_of(self, config: Any, state: Mapping[str, Any]) -> tuple[str, ...]:
        return (state.get("channelId", ""),)

    def keys_in(self, request: InboundRequest) -> tuple[str, ...]:
        return (request.header("x-goog-channel-id"),)

    def is_authentic(self, request: InboundRequest, config: Any, app_secret: str) -> bool:
        return is_same(request.header("x-goog-channel-token"), reveal(config.webhook_secret))

    def read(self, request: InboundRequest, state: Mapping[str, Any]) -> ProviderEvent | HookResponse:
        event = request.header("x-goog-resource-state") or "change"
        if event == "sync":  # the channel has been opened
            return HookResponse()
        names = {"resourceId": "resource-id", "resourceUri": "resource-uri", "changed": "changed"}
        payload = {ours: request.header(f"x-goog-{theirs}") for ours, theirs in names.items()}
        delivery_id = f"{request.header('x-goog-channel-id')}:{request.header('x-goog-message-number')}"
        return ProviderEvent(event, delivery_id, {name: value for name, value in payload.items() if value})

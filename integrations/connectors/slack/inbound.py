"""Slack's Events API: https://docs.slack.dev/apis/events-api/"""

import re
from collections.abc import Mapping
from typing import Any

from ...core.fields import reveal
from ...core.http import encode_json
from ...core.inbound import ConnectionEnd, HookResponse, Inbound, InboundRequest, ProviderEvent
from ...core.payloads import count_in, text_in
from ...core.signing import hmac_sha256_hex
from ...core.verification import is_recent, is_same
from ...families.chat import text


class SlackInbound(Inbound):
    setup = """\
1. In your Slack app, give this address under *Event Subscriptions → Request URL*, and choose the events.
2. Save the app's *Signing Secret* here as `signingSecret`. An account connected with OAuth needs none if the operator
   of this service has set `SLACK_SIGNING_SECRET`.
3. Slack sends an event only if the app has its scope: `channels:history` for `message.channels`, `groups:history` for
   `message.groups`, `im:history` for `message.im`, `reactions:read` for `reaction_added`, `app_mentions:read` for
   `app_mention`; and messages only of channels that the bot is in. These are asked for when an account is connected, if
   the operator has set `SLACK_SIGNING_SECRET`.
4. Choose `app_uninstalled` and `tokens_revoked` too: then deliveries wait until you connect again, instead of failing.
   Of a connection with OAuth they count only if they name its app and its workspace.

An event is published by the name that Slack gives it: `slack.message`, `slack.reaction_added`. Messages of bots are
left out, so that our own do not come back.
"""
    app_secret = "SLACK_SIGNING_SECRET"
    proof_headers = ("x-slack-signature",)

    def handshake(self, request: InboundRequest) -> HookResponse | None:
        # The request names no team, so there is no secret to verify it with:
        # https://docs.slack.dev/reference/events/url_verification
        if text_in(request.payload, "type") != "url_verification":
            return None
        challenge = {"challenge": text_in(request.payload, "challenge")}
        return HookResponse(body=encode_json(challenge), content_type="application/json")

    def keys_of(self, config: Any, state: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(re.findall(r"/services/(T[A-Z0-9]+)/", reveal(config.webhook_url)))

    def keys_in(self, request: InboundRequest) -> tuple[str, ...]:
        return (text_in(request.payload, "team_id"),)

    def is_authentic(self, request: InboundRequest, config: Any, app_secret: str) -> bool:
        # https://docs.slack.dev/authentication/verifying-requests-from-slack
        timestamp, given = request.header("x-slack-request-timestamp"), request.header("x-slack-signature")
        signed = b"v0:%s:%s" % (timestamp.encode(), request.body)
        secrets = filter(None, (reveal(config.signing_secret), app_secret))
        return is_recent(timestamp, request.now) and any(
            is_same(given, f"v0={hmac_sha256_hex(secret, signed)}") for secret in secrets
        )

    def read(self, request: InboundRequest, state: Mapping[str, Any]) -> ProviderEvent | HookResponse:
        # Without the deprecated verification token, which is a secret.
        payload = {name: value for name, value in request.payload.items() if name != "token"}
        event = payload.get("event")
        if text_in(event, "bot_id") or text_in(event, "subtype") == "bot_message":
            return HookResponse()
        kind = text_in(event, "type") or text_in(payload, "type") or "event"
        return ProviderEvent(
            kind,
            text_in(payload, "event_id") or request.digest,
            payload,
            text(text_in(event, "text")),
            connection_end=_connection_end(payload, request.now),
        )


def _connection_end(payload: Mapping[str, Any], now: float) -> ConnectionEnd | None:
    if not _ends_connection(payload.get("event")):
        return None
    # https://docs.slack.dev/apis/events-api/#callback-field
    return ConnectionEnd(_moment(payload.get("event_time"), now), text_in(payload, "api_app_id"))


def _ends_connection(event: Any) -> bool:
    """Whether the app was removed from the workspace, or the token of its bot revoked: users' tokens are not ours."""
    # https://docs.slack.dev/reference/events/app_uninstalled, https://docs.slack.dev/reference/events/tokens_revoked
    kind = text_in(event, "type")
    return kind == "app_uninstalled" or (kind == "tokens_revoked" and count_in(event, "tokens", "bot") > 0)


def _moment(event_time: Any, now: float) -> float:
    is_known = isinstance(event_time, int) and not isinstance(event_time, bool) and 0 < event_time <= now
    return float(event_time) if is_known else now

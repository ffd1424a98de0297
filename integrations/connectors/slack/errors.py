"""What Slack's refusals mean: those of webhooks, which are words in a text, and those of the Web API. Pure."""

from ...core.answers import error_for, excerpt, field_of, retry_after
from ...core.errors import AuthFailed, ConnectionFailed, Gone, IntegrationError, RateLimited, Rejected
from ...core.http import Response

# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling-errors and
# https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks
PAYLOAD_ERRORS = {"invalid_payload", "no_text", "missing_text_or_fallback_or_attachments"}
# "Disabled, removed, or invalid", and a workspace that does not exist any more: neither comes back.
DEAD_WEBHOOK_ERRORS = {"no_service", "no_service_id", "no_team"}
FORBIDDEN_ERRORS = {"action_prohibited", "posting_to_general_channel_denied", "invalid_token", "no_active_hooks"}
# https://docs.slack.dev/reference/methods/auth.test#errors
TOKEN_ERRORS = {
    *("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "no_permission"),
    *("not_allowed_token_type", "org_login_required", "two_factor_setup_required", "access_denied", "accesslimited"),
}
# What the owner of the channel or of the workspace can change, and what to do about it, of webhooks and of
# https://docs.slack.dev/reference/methods/chat.postMessage#errors
TARGET_ERRORS = {
    "channel_not_found": "there is no channel {channel}, or it is private and the app is not in it: choose another "
    "channel, or invite the app to it",
    "user_not_found": "there is no user {channel}: choose another channel",
    "channel_is_archived": "channel {channel} is archived: unarchive it, or choose another channel",
    "is_archived": "channel {channel} is archived: unarchive it, or choose another channel",
    "not_in_channel": "the bot is not in channel {channel}: invite it there, or give it the scope chat:write.public",
    "team_disabled": "the workspace is not active: an owner of it has to activate it",
    "messages_tab_disabled": "the app takes no direct messages: turn its Messages tab on in the app's settings",
    "ekm_access_denied": "the workspace's admins have suspended posting",
    "team_access_not_granted": "the app may not post in this workspace: an admin has to add it there",
    "enterprise_is_restricted": "the app may not post in this organisation: ask its admins",
    "restricted_action": "the workspace does not let the app post to channel {channel}: ask its admins",
}
PASSING_ERRORS = {
    *("internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"),
    *("external_channel_migrating", "rollup_error"),
}
RATE_LIMIT_ERRORS = {"rate_limited", "ratelimited"}
RATE_LIMIT_WAIT_SECONDS = 1.0  # if Slack does not say how long


class WrongTarget(ConnectionFailed):
    """Slack cannot post where the integration says: its owner, or the workspace's, has to change something."""

    fault = "target"


class MissingScope(WrongTarget):
    """The token is valid, so that a refresh is of no use, and lacks `scope`, e.g. `chat:write`."""

    def __init__(self, scope: str):
        super().__init__(f"The bot token lacks the scope {scope}.")
        self.scope = scope


def webhook_error(response: Response, channel: str) -> IntegrationError:
    """The error in a webhook's `response` to a message for `channel`."""
    said = excerpt(response.text, 60) if len(response.body) < 100 else ""
    if found := _target_error(said, channel):
        return found
    if said in DEAD_WEBHOOK_ERRORS:
        return Gone(f"Invalid webhook URL or channel not found ({said}): create a new incoming webhook in Slack.")
    if said in FORBIDDEN_ERRORS or response.status == 403:
        return AuthFailed(f"Slack does not let this webhook post to the channel ({said}): ask the workspace's admin.")
    if response.status == 404:
        return WrongTarget(
            f"Invalid webhook URL or channel not found ({said}): create a new incoming webhook in Slack."
        )
    if response.status == 429:
        return _slow_down(response)
    if response.status == 400:
        return Rejected(f"Slack refused the message ({said}).")
    if response.ok:
        return ConnectionFailed(f"Slack answered something other than ok ({said}): is a proxy in between?")
    return error_for(response, "Slack", said)


def api_error(response: Response, method: str, channel: str = "") -> IntegrationError | None:
    """The error in the `response` to a method of the Web API, e.g. `chat.postMessage`; None if it succeeded."""
    if response.status == 429:
        return _slow_down(response)
    if not response.ok:
        return ConnectionFailed(f"Slack answered HTTP {response.status} to {method}.")
    if field_of(response, "ok") is True:
        return None
    said = excerpt(field_of(response, "error"))
    if found := _target_error(said, channel):
        return found
    if said == "missing_scope":
        return MissingScope(excerpt(field_of(response, "needed")))
    if said in TOKEN_ERRORS:
        return AuthFailed(f"Slack refused the bot token ({said}): give a new one, or connect again.")
    if said in RATE_LIMIT_ERRORS:
        return _slow_down(response)
    if said and method == "chat.postMessage" and said not in PASSING_ERRORS:
        return Rejected(f"Slack refused the message ({said}).")
    return ConnectionFailed(f"Slack answered {said or 'something odd'} to {method}.")


def _target_error(said: str, channel: str) -> WrongTarget | None:
    known = "restricted_action" if said.startswith("restricted_action") else said
    if known not in TARGET_ERRORS:
        return None
    return WrongTarget(f"Slack cannot post ({said}): {TARGET_ERRORS[known].format(channel=channel)}.")


def _slow_down(response: Response) -> RateLimited:
    return RateLimited("Slack asks to slow down.", retry_after=retry_after(response) or RATE_LIMIT_WAIT_SECONDS)

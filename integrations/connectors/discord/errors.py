"""What Discord's refusals mean. Pure."""

from ...core.answers import error_for, excerpt, field_of, retry_after
from ...core.errors import AuthFailed, Gone, IntegrationError, InvalidConfig, RateLimited, Rejected, bounded_wait
from ...core.http import Response

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
UNKNOWN_CHANNEL, UNKNOWN_WEBHOOK, INVALID_TOKEN = 10003, 10015, 50027
THREAD_NEEDED = 220001
# What the owner has to change: the field, and a sentence.
TARGET_ERRORS = {
    UNKNOWN_CHANNEL: (
        "threadId",
        "Discord does not know this thread: give the threadId of one in the webhook's channel.",
    ),
    THREAD_NEEDED: (
        "threadName",
        "The channel is a forum or a media channel: give a threadName, to start a post for each event, or a post's "
        "threadId.",
    ),
    220003: ("threadName", "Only in forums and media channels a message can start a thread: leave threadName out."),
    220004: ("webhookUrl", "This webhook cannot post in a forum: make one in another channel."),
    40067: ("appliedTags", "Posts in this forum need a tag: give appliedTags."),
    10087: ("appliedTags", "The forum does not have one of these tags: give ids of its own in appliedTags."),
    160005: ("threadId", "The thread is locked: unlock it in Discord, or give another threadId."),
    50083: ("threadId", "The thread is archived: reopen it in Discord, or give another threadId."),
    160006: ("threadName", "The server has as many open threads as it can: close some in Discord, or give a threadId."),
}
# Refused for its content by the server's moderation, not by the endpoint.
BLOCKED_ERRORS = {200000, 200001, 240000}


def code_of(response: Response) -> int:
    """Discord's own code for an error, e.g. 10015; 0 if it gives none."""
    code = field_of(response, "code")
    return code if isinstance(code, int) else 0


def error_of(response: Response) -> IntegrationError:
    """The error in a response of Discord that is no success."""
    status, code, said = response.status, code_of(response), excerpt(field_of(response, "message"))
    if status == 429:
        wait = bounded_wait(field_of(response, "retry_after"))
        return RateLimited("Discord asks to slow down.", retry_after=retry_after(response) if wait is None else wait)
    if code == UNKNOWN_WEBHOOK:
        return Gone("Invalid webhook URL: the webhook was deleted in Discord. Create a new one.")
    if code in TARGET_ERRORS:
        field, sentence = TARGET_ERRORS[code]
        return InvalidConfig(sentence, {field: [said or "is refused"]})
    if code in BLOCKED_ERRORS:
        return Rejected(f"The server's moderation in Discord blocked the message ({said}).")
    if status in (401, 403) or code == INVALID_TOKEN:
        return AuthFailed("Discord refused the webhook's address: copy it again from the channel's settings.")
    if status == 404:
        return InvalidConfig(
            "Discord does not know this webhook: create a new one.", {"webhookUrl": ["does not exist"]}
        )
    if status == 400:
        return Rejected(f"Discord refused the message ({said}).")
    return error_for(response, "Discord", said)


def pause_after(response: Response) -> float | None:
    """The seconds until the webhook may be sent more, if this answer was the last before its limit; else None."""
    # https://discord.com/developers/docs/topics/rate-limits#header-format
    if response.headers.get("x-ratelimit-remaining", "").strip() != "0":
        return None
    try:
        return bounded_wait(float(response.headers.get("x-ratelimit-reset-after", "")))
    except ValueError:
        return None

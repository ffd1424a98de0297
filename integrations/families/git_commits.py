"""The messages of commits, and how they are recognised when a platform reports them back. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from invenicum.events.message import Message
from invenicum.events.names import ASSET_CREATED, ASSET_DELETED

from ..core.markers import Matches
from ..core.payloads import text_in

# `[skip ci]` anywhere in a message starts no pipeline at any of the three:
# https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
# https://docs.gitlab.com/ci/pipelines/#skip-a-pipeline
# https://support.atlassian.com/bitbucket-cloud/docs/bitbucket-pipelines-faqs/
DEFAULT_COMMIT_MESSAGE = "{summary} [skip ci]"
MAX_LISTED_ASSETS = 5  # in the message of a commit of several
MAX_NAME_CHARACTERS = 100  # of an asset's name in a message
PLACEHOLDERS = ("summary", "action", "assetId", "name", "event")
PLACEHOLDER = re.compile(rf"\{{({'|'.join(PLACEHOLDERS)})\}}")
# The position inside a reference such as `#7` or `@octocat`, after the sign, and inside `[skip ci]`.
INSIDE_REFERENCE = re.compile(
    r"(?<=[#!@])(?=\w)|(?<=\bGH-)(?=\d)|(?<=:)(?=//)|(?<=\[)(?=skip|ci|no|actions)", re.IGNORECASE
)
INTEGRATION_TRAILER = "Invenicum-Integration"

CommitMessage = Annotated[
    str,
    Matches(
        rf"^(?:[^{{}}\x00-\x09\x0b-\x1f\x7f]|{PLACEHOLDER.pattern.replace('(', '(?:')}){{1,500}}$",
        "the message of each commit, with the placeholders {summary}, {action}, {assetId}, {name} and {event}",
        DEFAULT_COMMIT_MESSAGE,
    ),
    Field(max_length=500),
]


def commit_message(message: Message, template: str, integration_id: str) -> str:
    """The commit's message: `template` filled in, then the event's id and the integration's as Git trailers.

    `{summary}` becomes e.g. `Update asset-123: Hero Image.jpg`. `integration_id` is empty if nothing is saved yet.
    """
    asset_id, action, name = message.data["assetId"], _action(message), _name(message)
    summary = f"{action} {asset_id}" + (f": {name}" if name else "")
    words = {"summary": summary, "action": action, "assetId": asset_id, "name": name, "event": message.name}
    return _filled_in(template, words, [message], integration_id)


def group_message(messages: Sequence[Message], template: str, integration_id: str) -> str:
    """The message of one commit for several events, each of another asset.

    `{summary}` becomes e.g. `Update 3 assets: asset-1, asset-2, asset-3`; the other placeholders become lists too, and
    each event has a trailer.
    """
    actions = {_action(message) for message in messages}
    action = actions.pop() if len(actions) == 1 else "Update"
    ids = _listed([message.data["assetId"] for message in messages])
    words = {
        "summary": f"{action} {len(messages)} assets: {ids}",
        "action": action,
        "assetId": ids,
        "name": _listed(list(filter(None, map(_name, messages)))),
        "event": ", ".join(sorted({message.name for message in messages})),
    }
    return _filled_in(template, words, messages, integration_id)


def _filled_in(template: str, words: Mapping[str, str], messages: Iterable[Message], integration_id: str) -> str:
    text = PLACEHOLDER.sub(lambda found: words[found[1]], template).strip()
    events = [f"Invenicum-Event: {message.id}" for message in messages]
    trailers = [*events, *_integration_trailers(integration_id)]
    return "\n\n".join(filter(None, [text or words["summary"], "\n".join(trailers)]))


def _action(message: Message) -> str:
    return {ASSET_CREATED: "Add", ASSET_DELETED: "Remove"}.get(message.name, "Update")


def _name(message: Message) -> str:
    given = message.data.get("name") or (message.document or {}).get("name")
    return _inert(" ".join(given.split())[:MAX_NAME_CHARACTERS]) if isinstance(given, str) else ""


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts[:MAX_LISTED_ASSETS]) + (", …" if len(texts) > MAX_LISTED_ASSETS else "")


def are_own(commits: Iterable[Any], integration_id: str) -> bool:
    """Whether there are commits and the integration has made them all. `commits`: as a platform reports them."""
    trailers = set(_integration_trailers(integration_id))
    messages = [text_in(commit, "message").splitlines() for commit in commits]
    return bool(trailers) and bool(messages) and all(trailers.intersection(lines) for lines in messages)


def _integration_trailers(integration_id: str) -> list[str]:
    return [f"{INTEGRATION_TRAILER}: {integration_id}"] if integration_id else []


def _inert(name: str) -> str:
    """`name` without references: an asset named `Fixes #7` or `@octocat` must not close an issue or notify a user.

    https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
    https://docs.gitlab.com/user/project/issues/managing_issues/#closing-issues-automatically
    """
    return INSIDE_REFERENCE.sub("\N{WORD JOINER}", name)

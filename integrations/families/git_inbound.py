"""What the hooks of GitHub, GitLab and Bitbucket have in common: event and delivery in headers, titles in sentences.
Pure."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from ..core.fields import reveal
from ..core.inbound import HookResponse, Inbound, InboundRequest, ProviderEvent, Unreadable
from ..core.payloads import text_in
from ..core.verification import is_signed
from .chat import text
from .git_commits import are_own

# What the platforms call an action, if that is not a participle already.
PARTICIPLES = {
    "synchronize": "updated",
    "open": "opened",
    "close": "closed",
    "reopen": "reopened",
    "merge": "merged",
    "update": "updated",
    "create": "created",
    "delete": "deleted",
    "fulfilled": "merged",
    "rejected": "declined",
}
UNKNOWN_ACTOR = "Somebody"


class GitInbound(Inbound):
    """A platform that signs the body with the hook's secret and names event and delivery in headers.

    Subclasses set the names of the headers in lower case, and implement `keys_of`, `keys_in`, `describe` and
    `commits_of`.
    """

    setup = """\
Give this address as `webhookUrl`, and the webhook is registered for you. If you create one yourself, choose JSON and
save its secret here as `webhookSecret`.

An event is published by the name that the platform gives it, such as `github.push`, `github.release`,
`gitlab.merge_request` or `bitbucket.repo.push`, with a `title`, the `url` of the page about it and the `payload`.
A push of nothing but this integration's own commits is not published.
"""

    event_header: ClassVar[str]
    # The first of these that is present holds the delivery id; without any, the body's digest is used.
    delivery_id_headers: ClassVar[tuple[str, ...]]
    signature_header: ClassVar[str] = ""
    push_event: ClassVar[str] = "push"
    # (event type, action) that only repeat another event.
    echoes: ClassVar[frozenset[tuple[str, str]]] = frozenset()

    def describe(self, event_type: str, payload: Mapping[str, Any]) -> tuple[str, str]:
        """A title for people and the address of the page about it, which may be empty."""
        raise NotImplementedError

    def commits_of(self, payload: Mapping[str, Any]) -> list[Any]:
        """All commits of a push, each with its `message`; none if the payload does not have all of them."""
        raise NotImplementedError

    def is_own_change(self, event: ProviderEvent, config: Any) -> bool:
        return event.event_type == self.push_event and are_own(self.commits_of(event.payload), config.integration_id)

    def event_type_of(self, request: InboundRequest) -> str:
        """The platform's name for the event, such as `pull_request`; empty if the header is missing."""
        return request.header(self.event_header)

    def is_authentic(self, request: InboundRequest, config: Any, app_secret: str) -> bool:
        return is_signed(request, self.signature_header, reveal(config.webhook_secret), "sha256=")

    def read(self, request: InboundRequest, state: Mapping[str, Any]) -> ProviderEvent | HookResponse:
        event_type, payload = self.event_type_of(request), request.payload
        if not event_type:
            raise Unreadable(f"The header {self.event_header} is missing.")
        delivery_id = next(filter(None, map(request.header, self.delivery_id_headers)), request.digest)
        title, url = self.describe(event_type, payload)
        is_echo = (event_type, text_in(payload, "action")) in self.echoes
        return ProviderEvent(event_type, delivery_id, payload, title, url, is_echo)


def push_title(actor: str, commits: int, ref: str, repository: str, *, created: bool, deleted: bool) -> str:
    """`octocat pushed 2 commits to main of my-org/asset-repo`, or `octocat created tag v1 in my-org/asset-repo`.

    `ref` is the full name of a branch or a tag, `created` and `deleted` say whether it is new or gone.
    """
    kind = "tag" if ref.startswith("refs/tags/") else "branch"
    name = re.sub(r"^refs/(heads|tags)/", "", ref)
    if deleted or kind == "tag" or (created and not commits):
        return action_title(actor, "deleted" if deleted else "created", kind, name, repository)
    noun = "commit" if commits == 1 else "commits"
    return text(f"{actor or UNKNOWN_ACTOR} pushed {commits} {noun} to {name} of {repository}")


def action_title(actor: str, action: str, noun: str, name: str, repository: str) -> str:
    """`octocat opened pull request #2: Update the README in my-org/asset-repo`, without the parts that are empty."""
    participle = PARTICIPLES.get(action, action.replace("_", " ") or "changed")
    parts = (actor or UNKNOWN_ACTOR, participle, noun.replace("_", " "), name, f"in {repository}" if repository else "")
    return text(" ".join(filter(None, parts)))


def other_title(actor: str, words: str, repository: str) -> str:
    """`my-org/asset-repo: star created by octocat`, for events that no sentence is written for."""
    what = " ".join(words.replace("_", " ").split()) + (f" by {actor}" if actor else "")
    return text(f"{repository}: {what}" if repository else what)


def numbered(number: str, title: str, sign: str = "#") -> str:
    """`#2: Update the README`; either part may be empty."""
    return ": ".join(filter(None, (f"{sign}{number}" if number else "", title)))

"""What GitHub, GitLab and Bitbucket have in common on the way in: a repository, and a line on what happened in it."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..core.inbound import Happening, Inbound, InboundRequest, Reply, Unreadable, is_signed, reveal, text_in, value_in
from .chat import text

Line = tuple[str, str]  # for people, and where to look
Describe = Callable[[str, Mapping[str, Any]], Line]

# How the platforms call what was done, where that is not a participle already.
DONE = {
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
SOMEBODY = "Somebody"
ZEROS = re.compile(r"0{40,64}")


class GitInbound(Inbound):
    """A platform that signs the body with the hook's secret and names event and delivery in headers."""

    setup = """\
Give this address as `webhookUrl`: the webhook is made for you. For one that you make by hand, choose JSON and save its
secret here as `webhookSecret`.

An event is published by the name that the platform gives it, such as `github.push`, `github.release`,
`gitlab.merge_request` or `bitbucket.repo.push`, with a `title` for people, a `url` to look at and the whole `payload`.
"""

    def __init__(
        self,
        event: str,
        delivery: tuple[str, ...],
        describe: Describe,
        signature: str = "",
        echoes: Collection[tuple[str, str]] = (),
    ):
        """The headers' names; `echoes` are (event, action) that only repeat another."""
        self.event, self.delivery, self.describe, self.signature = event, delivery, describe, signature
        self.echoes = echoes

    def keys_of(self, config: Any, state: Mapping[str, Any]) -> tuple[str, ...]:
        return (f"{config.organization}/{config.repository}".lower(),)

    def keys_in(self, request: InboundRequest) -> tuple[str, ...]:
        return (text_in(request.payload, "repository", "full_name").lower(),)

    def is_authentic(self, request: InboundRequest, config: Any, app_secret: str) -> bool:
        return is_signed(request, self.signature, reveal(config.webhook_secret), "sha256=")

    def event_of(self, request: InboundRequest) -> str:
        return request.header(self.event)

    def read(self, request: InboundRequest, state: Mapping[str, Any]) -> Happening | Reply:
        event, payload = self.event_of(request), request.payload
        if not event:
            raise Unreadable(f"The header {self.event} is missing.")
        delivery_id = next(filter(None, map(request.header, self.delivery)), request.digest)
        is_echo = (event, text_in(payload, "action")) in self.echoes
        return Happening(event, delivery_id, payload, *self.describe(event, payload), is_echo=is_echo)


def github_line(event: str, payload: Mapping[str, Any]) -> Line:
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads"""
    actor, where = text_in(payload, "sender", "login"), text_in(payload, "repository", "full_name")
    action = text_in(payload, "action")
    if event == "push":
        new, gone = payload.get("created") is True, payload.get("deleted") is True
        count = _length(payload, "commits")
        return pushed(actor, count, text_in(payload, "ref"), where, new=new, gone=gone), text_in(payload, "compare")
    for field, noun in (("pull_request", "pull request"), ("issue", "issue"), ("release", "release")):
        thing = payload.get(field)
        if isinstance(thing, Mapping) and event in (field, f"{field}s"):
            if action == "closed" and thing.get("merged") is True:
                action = "merged"
            title = text_in(thing, "title") or text_in(thing, "name") or text_in(thing, "tag_name")
            name = numbered(text_in(thing, "number"), title)
            return sentence(actor, action, noun, name, where), text_in(thing, "html_url")
    urls = (text_in(thing, "html_url") for thing in payload.values())
    return other(actor, f"{event} {action}", where), next(filter(None, urls), "")


def gitlab_line(event: str, payload: Mapping[str, Any]) -> Line:
    """https://docs.gitlab.com/user/project/integrations/webhook_events/"""
    where, home = text_in(payload, "project", "path_with_namespace"), text_in(payload, "project", "web_url")
    actor = text_in(payload, "user", "name") or text_in(payload, "user_name")
    thing = payload.get("object_attributes") or payload
    action = text_in(thing, "action") or text_in(thing, "status")
    if event in ("push", "tag_push"):
        before, after = text_in(payload, "before"), text_in(payload, "after")
        new, gone = (ZEROS.fullmatch(commit) is not None for commit in (before, after))
        count = payload.get("total_commits_count")
        line = pushed(actor, count if isinstance(count, int) else 0, text_in(payload, "ref"), where, new=new, gone=gone)
        return line, f"{home}/-/compare/{before}...{after}" if home and not (new or gone) else home
    if event in ("merge_request", "issue", "release", "milestone"):
        title = text_in(thing, "title") or text_in(thing, "name")
        name = numbered(text_in(thing, "iid"), title, "!" if event == "merge_request" else "#")
        return sentence(actor, action, event, name, where), text_in(thing, "url") or home
    return other(actor, f"{event} {action}", where), text_in(thing, "url") or home


def bitbucket_line(event: str, payload: Mapping[str, Any]) -> Line:
    """https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/"""
    where, actor = text_in(payload, "repository", "full_name"), text_in(payload, "actor", "display_name")
    family, _, action = event.partition(":")
    changes = value_in(payload, "push", "changes")
    if event == "repo:push" and isinstance(changes, list) and changes:
        old, new = value_in(changes[0], "old"), value_in(changes[0], "new")
        kind = "tags" if text_in(new or old, "type") == "tag" else "heads"
        ref = f"refs/{kind}/{text_in(new or old, 'name')}"
        line = pushed(actor, _length(changes[0], "commits"), ref, where, new=not old, gone=not new)
        return line, text_in(changes[0], "links", "html", "href")
    thing = payload.get(family)
    if isinstance(thing, Mapping):
        action = "commented on" if "comment" in action else action
        name = numbered(text_in(thing, "id"), text_in(thing, "title"))
        noun = {"pullrequest": "pull request"}.get(family, family)
        return sentence(actor, action, noun, name, where), text_in(thing, "links", "html", "href")
    return other(actor, action, where), text_in(payload, "repository", "links", "html", "href")


def pushed(actor: str, count: int, ref: str, where: str, *, new: bool, gone: bool) -> str:
    """`octocat pushed 2 commits to main of my-org/asset-repo`; or that a branch or a tag came or went."""
    kind = "tag" if ref.startswith("refs/tags/") else "branch"
    name = re.sub(r"^refs/(heads|tags)/", "", ref)
    if gone or kind == "tag" or (new and not count):
        return sentence(actor, "deleted" if gone else "created", kind, name, where)
    return text(f"{actor or SOMEBODY} pushed {count} commit{'' if count == 1 else 's'} to {name} of {where}")


def sentence(actor: str, action: str, noun: str, name: str, where: str) -> str:
    """`octocat opened pull request #2: Update the README in my-org/asset-repo`, as far as that is known."""
    done = DONE.get(action, action.replace("_", " ") or "changed")
    parts = (actor or SOMEBODY, done, noun.replace("_", " "), name, f"in {where}" if where else "")
    return text(" ".join(filter(None, parts)))


def other(actor: str, words: str, where: str) -> str:
    """`my-org/asset-repo: star created by octocat`."""
    what = " ".join(words.replace("_", " ").split()) + (f" by {actor}" if actor else "")
    return text(f"{where}: {what}" if where else what)


def numbered(number: str, title: str, sign: str = "#") -> str:
    return ": ".join(filter(None, (f"{sign}{number}" if number else "", title)))


def _length(payload: Any, field: str) -> int:
    items = value_in(payload, field)
    return len(items) if isinstance(items, list) else 0

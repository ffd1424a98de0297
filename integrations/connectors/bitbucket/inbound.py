"""Bitbucket's hooks: https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/"""

from collections.abc import Mapping
from typing import Any

from ...core.inbound import InboundRequest
from ...core.payloads import count_in, list_in, text_in, value_in
from ...families.git_inbound import GitInbound, action_title, numbered, other_title, push_title


class BitbucketInbound(GitInbound):
    # https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/#HTTP-headers
    event_header = "x-event-key"
    delivery_id_headers = ("x-request-uuid",)
    signature_header = "x-hub-signature"
    proof_headers = (signature_header,)
    push_event = "repo:push"

    def keys_of(self, config: Any, state: Mapping[str, Any]) -> tuple[str, ...]:
        return (f"{config.workspace}/{config.repository}".lower(),)

    def keys_in(self, request: InboundRequest) -> tuple[str, ...]:
        # Workspace and repository may each be configured by name or by UUID.
        repository = request.payload.get("repository")
        workspace, _, name = text_in(repository, "full_name").partition("/")
        workspaces = (workspace, text_in(repository, "workspace", "uuid") or text_in(repository, "owner", "uuid"))
        names = (name, text_in(repository, "uuid"))
        return tuple(f"{one}/{other}".lower() for one in workspaces for other in names if one and other)

    def commits_of(self, payload: Mapping[str, Any]) -> list[Any]:
        changes = list_in(payload, "push", "changes")  # a branch each, with the newest five commits
        if any(value_in(change, "truncated") is not False or not count_in(change, "commits") for change in changes):
            return []
        return [commit for change in changes for commit in list_in(change, "commits")]

    def describe(self, event_type: str, payload: Mapping[str, Any]) -> tuple[str, str]:
        repository, actor = text_in(payload, "repository", "full_name"), text_in(payload, "actor", "display_name")
        family, _, action = event_type.partition(":")
        changes = value_in(payload, "push", "changes")
        if event_type == "repo:push" and isinstance(changes, list) and changes:
            return _describe_push(actor, repository, changes[0])
        subject = payload.get(family)
        if isinstance(subject, Mapping):
            action = "commented on" if "comment" in action else action
            name = numbered(text_in(subject, "id"), text_in(subject, "title"))
            noun = "pull request" if family == "pullrequest" else family
            return action_title(actor, action, noun, name, repository), text_in(subject, "links", "html", "href")
        return other_title(actor, action, repository), text_in(payload, "repository", "links", "html", "href")


def _describe_push(actor: str, repository: str, change: Any) -> tuple[str, str]:
    old, new = value_in(change, "old"), value_in(change, "new")
    kind = "tags" if text_in(new or old, "type") == "tag" else "heads"
    ref = f"refs/{kind}/{text_in(new or old, 'name')}"
    title = push_title(actor, count_in(change, "commits"), ref, repository, created=not old, deleted=not new)
    return title, text_in(change, "links", "html", "href")

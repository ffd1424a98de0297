"""GitHub's hooks: https://docs.github.com/en/webhooks/webhook-events-and-payloads"""

from collections.abc import Mapping
from typing import Any

from ...core.inbound import InboundRequest
from ...core.payloads import count_in, list_in, text_in
from ...families.git_inbound import GitInbound, action_title, numbered, other_title, push_title

# …#push: "a maximum of 2048 commits"
MAX_COMMITS_IN_PAYLOAD = 2048


class GitHubInbound(GitInbound):
    # https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
    event_header = "x-github-event"
    delivery_id_headers = ("x-github-delivery",)
    signature_header = "x-hub-signature-256"
    proof_headers = (signature_header,)
    # …#release: publishing a release is sent three times, as `created`, `published` and `released`.
    echoes = frozenset({("release", "created"), ("release", "released")})

    def keys_of(self, config: Any, state: Mapping[str, Any]) -> tuple[str, ...]:
        return (f"{config.organization}/{config.repository}".lower(),)

    def keys_in(self, request: InboundRequest) -> tuple[str, ...]:
        return (text_in(request.payload, "repository", "full_name").lower(),)

    def commits_of(self, payload: Mapping[str, Any]) -> list[Any]:
        commits = list_in(payload, "commits")
        return commits if len(commits) < MAX_COMMITS_IN_PAYLOAD else []

    def describe(self, event_type: str, payload: Mapping[str, Any]) -> tuple[str, str]:
        actor, repository = text_in(payload, "sender", "login"), text_in(payload, "repository", "full_name")
        action = text_in(payload, "action")
        if event_type == "push":
            return _describe_push(actor, repository, payload)
        for field, noun in (("pull_request", "pull request"), ("issue", "issue"), ("release", "release")):
            subject = payload.get(field)
            if isinstance(subject, Mapping) and event_type in (field, f"{field}s"):
                if action == "closed" and subject.get("merged") is True:
                    action = "merged"
                title = text_in(subject, "title") or text_in(subject, "name") or text_in(subject, "tag_name")
                name = numbered(text_in(subject, "number"), title)
                return action_title(actor, action, noun, name, repository), text_in(subject, "html_url")
        urls = (text_in(value, "html_url") for value in payload.values())
        return other_title(actor, f"{event_type} {action}", repository), next(filter(None, urls), "")


def _describe_push(actor: str, repository: str, payload: Mapping[str, Any]) -> tuple[str, str]:
    created, deleted = payload.get("created") is True, payload.get("deleted") is True
    commits, ref = count_in(payload, "commits"), text_in(payload, "ref")
    title = push_title(actor, commits, ref, repository, created=created, deleted=deleted)
    return title, text_in(payload, "compare")

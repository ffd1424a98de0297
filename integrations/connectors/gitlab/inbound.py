"""GitLab's hooks: https://docs.gitlab.com/user/project/integrations/webhook_events/"""

import re
from collections.abc import Mapping
from typing import Any

from ...core.fields import reveal
from ...core.inbound import InboundRequest
from ...core.payloads import list_in, text_in
from ...core.verification import has_standard_signature, is_same
from ...families.git_inbound import GitInbound, action_title, numbered, other_title, push_title

NO_COMMIT = re.compile(r"0{40,64}")  # the commit id before a new branch and after a deleted one


class GitLabInbound(GitInbound):
    # https://docs.gitlab.com/user/project/integrations/webhooks/#delivery-headers
    event_header = "x-gitlab-event"
    delivery_id_headers = ("webhook-id", "idempotency-key")
    proof_headers = ("webhook-signature", "x-gitlab-token")

    def keys_of(self, config: Any, state: Mapping[str, Any]) -> tuple[str, ...]:
        return (config.project.lower(),)

    def keys_in(self, request: InboundRequest) -> tuple[str, ...]:
        project, number = request.payload.get("project"), text_in(request.payload, "project_id")
        return (text_in(project, "path_with_namespace").lower(), text_in(project, "id") or number)

    def is_authentic(self, request: InboundRequest, config: Any, app_secret: str) -> bool:
        if config.webhook_signing_token:  # then the plain token, which a proxy may have logged, is not enough
            return has_standard_signature(request, reveal(config.webhook_signing_token))
        return is_same(request.header("x-gitlab-token"), reveal(config.webhook_secret))

    def event_type_of(self, request: InboundRequest) -> str:
        # `Merge Request Hook` → `merge_request`. The body does not tell confidential issues from others.
        return super().event_type_of(request).lower().removesuffix(" hook").replace(" ", "_")

    def commits_of(self, payload: Mapping[str, Any]) -> list[Any]:
        commits = list_in(payload, "commits")  # of which GitLab sends the newest 20
        return commits if payload.get("total_commits_count") == len(commits) else []

    def describe(self, event_type: str, payload: Mapping[str, Any]) -> tuple[str, str]:
        repository, home = text_in(payload, "project", "path_with_namespace"), text_in(payload, "project", "web_url")
        actor = text_in(payload, "user", "name") or text_in(payload, "user_name")
        subject = payload.get("object_attributes") or payload
        action = text_in(subject, "action") or text_in(subject, "status")
        if event_type in ("push", "tag_push"):
            return _describe_push(actor, repository, home, payload)
        if event_type in ("merge_request", "issue", "release", "milestone"):
            title = text_in(subject, "title") or text_in(subject, "name")
            name = numbered(text_in(subject, "iid"), title, "!" if event_type == "merge_request" else "#")
            return action_title(actor, action, event_type, name, repository), text_in(subject, "url") or home
        return other_title(actor, f"{event_type} {action}", repository), text_in(subject, "url") or home


def _describe_push(actor: str, repository: str, home: str, payload: Mapping[str, Any]) -> tuple[str, str]:
    before, after, ref = text_in(payload, "before"), text_in(payload, "after"), text_in(payload, "ref")
    created, deleted = (NO_COMMIT.fullmatch(commit) is not None for commit in (before, after))
    total = payload.get("total_commits_count")
    commits = total if isinstance(total, int) else 0
    title = push_title(actor, commits, ref, repository, created=created, deleted=deleted)
    return title, f"{home}/-/compare/{before}...{after}" if home and not (created or deleted) else home

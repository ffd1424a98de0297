"""Merge requests at GitLab: https://docs.gitlab.com/api/merge_requests/"""

from typing import Any
from urllib.parse import quote, urlencode

from ...core.answers import text_at
from ...core.http import Flow, Response
from ...families.documents import Conflict
from ...families.git_pull_requests import TEXT, TITLE, PullRequestConnector, listed
from .errors import message_of


class GitLabMergeRequests(PullRequestConnector):
    pull_request_permission = "it needs the role Developer, or Merge Request: Create and Read"

    def has_open_request(self, work: str, config: Any) -> Flow[bool]:
        query = urlencode(
            {
                "state": "opened",
                "source_branch": work,
                "target_branch": config.branch,
                "view": "simple",
                "per_page": "1",
            }
        )
        response = yield self.request("GET", f"/merge_requests?{query}", config)
        if not response.ok:
            yield from self.refuse_request(response, config)
        return bool(listed(response))

    def start_branch(self, base: Response, config: Any) -> Flow[None]:
        # https://docs.gitlab.com/api/branches/
        path = f"/repository/branches/{quote(config.branch, safe='')}"
        response = yield self.request("DELETE", path, config)
        if not response.ok and response.status != 404:
            yield from self.refuse(response, config)
        payload = {"branch": config.branch, "ref": text_at(base, "commit", "id")}
        response = yield self.request("POST", "/repository/branches", config, payload)
        if response.status == 400 and "already exists" in message_of(response):
            raise Conflict(f"Branch {config.branch} was made by somebody else in between.")
        if not response.ok:
            yield from self.refuse(response, config)

    def open_request(self, work: str, config: Any) -> Flow[None]:
        branches = {"source_branch": work, "target_branch": config.branch, "remove_source_branch": True}
        payload = {"title": TITLE, "description": TEXT, **branches}
        response = yield self.request("POST", "/merge_requests", config, payload)
        # 409: Another open merge request already exists for this source branch
        if not response.ok and response.status != 409:
            yield from self.refuse_request(response, config)

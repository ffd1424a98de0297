"""Pull requests at GitHub: https://docs.github.com/en/rest/pulls/pulls"""

from typing import Any
from urllib.parse import quote, urlencode

from ...core.answers import excerpt, field_of, text_at
from ...core.http import Flow, Response
from ...core.payloads import text_in
from ...families.git_pull_requests import TEXT, TITLE, PullRequestConnector, listed
from .errors import reasons


class GitHubPullRequests(PullRequestConnector):
    pull_request_permission = "it needs the scope repo, or Pull requests: read and write"

    def has_open_request(self, work: str, config: Any) -> Flow[bool]:
        query = urlencode(
            {"state": "open", "head": f"{config.organization}:{work}", "base": config.branch, "per_page": "1"}
        )
        response = yield self.request("GET", f"/pulls?{query}", config)
        if not response.ok:
            yield from self.refuse_request(response, config)
        return any(text_in(request, "head", "ref") == work for request in listed(response))

    def start_branch(self, base: Response, config: Any) -> Flow[None]:
        # https://docs.github.com/en/rest/git/refs
        tip = text_at(base, "commit", "sha")
        response = yield self.request("POST", "/git/refs", config, {"ref": f"refs/heads/{config.branch}", "sha": tip})
        if response.status == 422 and "already exists" in excerpt(field_of(response, "message")):
            path = f"/git/refs/heads/{quote(config.branch)}"
            response = yield self.request("PATCH", path, config, {"sha": tip, "force": True})
        if not response.ok:
            yield from self.refuse(response, config)

    def open_request(self, work: str, config: Any) -> Flow[None]:
        payload = {"title": TITLE, "body": TEXT, "head": work, "base": config.branch}
        response = yield self.request("POST", "/pulls", config, payload)
        is_needless = "already exists" in reasons(response) or "No commits between" in reasons(response)
        if not response.ok and not (response.status == 422 and is_needless):
            yield from self.refuse_request(response, config)

    def check_requests(self, config: Any) -> Flow[None]:
        """Raises AuthFailed if the token may not open pull requests. One from a branch into itself is never opened."""
        payload = {"title": TITLE, "head": config.branch, "base": config.branch}
        response = yield self.request("POST", "/pulls", config, payload)
        if response.status in (401, 403):
            yield from self.refuse_request(response, config)

"""Pull requests at Bitbucket: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/"""

from typing import Any
from urllib.parse import quote, urlencode

from ...core.answers import text_at
from ...core.http import Flow, Response
from ...core.payloads import text_in
from ...families.git_pull_requests import TEXT, TITLE, PullRequestConnector, listed

# https://developer.atlassian.com/cloud/bitbucket/rest/intro/#bitbucket-oauth-2-0-scopes
PULL_REQUEST_SCOPES = {"pullrequest:write", "write:pullrequest:bitbucket"}


class BitbucketPullRequests(PullRequestConnector):
    pull_request_permission = "it needs Pull requests: write"

    def has_open_request(self, work: str, config: Any) -> Flow[bool]:
        query = urlencode(
            {"state": "OPEN", "q": f'source.branch.name="{work}"', "fields": "values.destination.branch.name"}
        )
        response = yield self.request("GET", f"/pullrequests?{query}", config)
        if not response.ok:
            yield from self.refuse_request(response, config)
        found = listed(response, "values")
        return any(text_in(request, "destination", "branch", "name") == config.branch for request in found)

    def start_branch(self, base: Response, config: Any) -> Flow[None]:
        # https://developer.atlassian.com/cloud/bitbucket/rest/api-group-refs/
        response = yield self.request("DELETE", f"/refs/branches/{quote(config.branch)}", config)
        if not response.ok and response.status != 404:
            yield from self.refuse(response, config)
        payload = {"name": config.branch, "target": {"hash": text_at(base, "target", "hash")}}
        yield from self.send("POST", "/refs/branches", config, payload)

    def open_request(self, work: str, config: Any) -> Flow[None]:
        branches = {"source": {"branch": {"name": work}}, "destination": {"branch": {"name": config.branch}}}
        payload = {"title": TITLE, "description": TEXT, "close_source_branch": True, **branches}
        response = yield self.request("POST", "/pullrequests", config, payload)
        if not response.ok:
            yield from self.refuse_request(response, config)

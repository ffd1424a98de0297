import base64
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import Field

from ...core.answers import field_of, text_at
from ...core.connector import Category, TestResult
from ...core.errors import AuthFailed, IntegrationError
from ...core.fields import Branch, HookSecret, HttpsUrl, PathPrefix, SyncAssets
from ...core.http import Flow, Request, Response
from ...core.markers import OAuthReplaces, SentTo
from ...core.oauth import OAuthSpec
from ...families.documents import ABSENT, DocumentConfig, Stored
from ...families.git_commits import DEFAULT_COMMIT_MESSAGE, CommitMessage
from ...families.git_hooks import hook_label, token
from ...families.git_pull_requests import PullRequest
from .errors import bitbucket_error
from .fields import ApiKey, Email, Event, Repository, Workspace
from .inbound import BitbucketInbound
from .pull_requests import PULL_REQUEST_SCOPES, BitbucketPullRequests

# Those for administration alone do not write, and Bitbucket's older scope for pull requests includes writing:
# https://developer.atlassian.com/cloud/bitbucket/rest/intro/#bitbucket-oauth-2-0-scopes
# https://support.atlassian.com/bitbucket-cloud/docs/api-token-permissions/
WRITE_SCOPES = {"repository:write", "pullrequest:write", "write:repository:bitbucket"}


class Bitbucket(BitbucketPullRequests):
    type = "bitbucket"
    name = "Bitbucket"
    category = Category.VERSION_CONTROL
    description = "Commits one JSON document an asset to a branch, and registers a webhook for the repository's events."
    setup: ClassVar[str] = """\
1. Create an access token for the repository (*Repository settings → Access tokens*) with *Repositories: write*, and
   *Webhooks* if you give a `webhookUrl`, *Pull requests: write* for `pullRequest`. Or create an API token of your
   Atlassian account with the scopes `read:repository:bitbucket`, `write:repository:bitbucket` (and
   `read:webhook:bitbucket`, `write:webhook:bitbucket`, `delete:webhook:bitbucket`; `read:pullrequest:bitbucket`,
   `write:pullrequest:bitbucket`), and give your `email` too. Or connect with OAuth and skip the token.
2. Make sure that the branch exists, unless the repository is empty, and that its restrictions let the token push to it.
   Access tokens cannot be named in a restriction: use an API token or OAuth there, or set `pullRequest`.

Connected with OAuth, the integration has to be used at least once in three months: after that Bitbucket forgets its
refresh token, and you connect again. API tokens expire after a year at most. Issues were retired by Atlassian in August
2026, and with them their events.
"""
    oauth = OAuthSpec(
        "https://bitbucket.org/site/oauth2/authorize",
        "https://bitbucket.org/site/oauth2/access_token",
        # Bitbucket takes the scopes from the consumer's settings: the operator ticks these there.
        scopes=("account", "repository:write", "webhook"),
        identity_url="https://api.bitbucket.org/2.0/user",
        identity_field="display_name",
        pkce=None,
        token_auth="basic",  # noqa: S106
    )
    hooks_path = ("values",)
    hook_id_field = "uuid"
    page_size_field = "pagelen"
    hook_permission = "they need the permission Webhooks"
    default_branch_path = ("mainbranch", "name")

    class Config(DocumentConfig):
        api_key: Annotated[ApiKey | None, SentTo(), OAuthReplaces()] = None
        email: Email | None = None
        workspace: Workspace
        repository: Repository
        branch: Branch = "main"
        path_prefix: PathPrefix = "assets/"
        sync_assets: SyncAssets = True
        commit_message: CommitMessage = DEFAULT_COMMIT_MESSAGE
        pull_request: PullRequest = False
        webhook_url: Annotated[HttpsUrl | None, Field(examples=["https://api.invenicum.com/webhooks/bitbucket"])] = None
        webhook_secret: Annotated[HookSecret | None, SentTo("webhook_url", only_with="webhook_url")] = None
        events: Annotated[list[Event], Field(min_length=1)] = ["repo:push"]

    def test(self, config: Config) -> Flow[TestResult]:
        response = yield from self.send("GET", "", config)
        scopes = {scope.strip() for scope in response.headers.get("x-oauth-scopes", "").split(",")} - {""}
        if config.sync_assets and scopes and not scopes & WRITE_SCOPES:
            raise AuthFailed("The token may read the repository but not write to it: it needs Repositories: write.")
        if config.pull_request and scopes and not scopes & PULL_REQUEST_SCOPES:
            raise AuthFailed("The token may not open pull requests: it needs Pull requests: write.")
        branch = yield from self.check_branch(config, response)
        if config.webhook_url:
            yield from self.check_hooks(config)
        name = field_of(response, "full_name") or self.repository_name(config)
        metadata = {
            "repository": name,
            "branch": config.branch,
            "defaultBranch": self.default_branch(response),
            "empty": branch is None,
            "private": bool(field_of(response, "is_private")),
        }
        return TestResult(f"Successfully connected to Bitbucket repository {name}", metadata)

    def branch_path(self, config: Config) -> str:
        return f"/refs/branches/{quote(config.branch)}"

    def is_empty(self, repository: Response, config: Config) -> Flow[bool]:
        yield from ()
        return repository.json_object().get("mainbranch", ...) is None  # null until there is a first commit

    def next_page(self, response: Response) -> str:
        # https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination
        following = field_of(response, "next")
        return following if isinstance(following, str) else ""

    def read(self, path: str, config: Config) -> Flow[Stored]:
        branch = yield from self.check_branch(config)
        return ABSENT if branch is None else (yield from self.read_from(branch, path, config))

    def read_from(self, base: Response, path: str, config: Config) -> Flow[Stored]:
        # By the commit's hash, because this address takes no branch with a slash in its name:
        # https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/
        tip = text_at(base, "target", "hash")
        response = yield self.request("GET", f"/src/{tip}/{quote(path)}", config)
        if response.status == 404:
            return Stored(None, tip)
        if not response.ok:
            raise self.error(response, config)
        return Stored(response.body, tip)

    def commit(
        self,
        changes: Mapping[str, bytes | None],
        found: Mapping[str, Stored],
        message: str,
        config: Config,
        base: Response | None = None,
    ) -> Flow[None]:
        # With a parent that is no longer the branch's tip, Bitbucket answers 409. Without one, the first commit to an
        # empty repository makes the branch: https://jira.atlassian.com/browse/BCLOUD-8672
        parents = {stored.version for stored in found.values() if stored.version}
        # The leading slash distinguishes a file from the fields of the commit. What `files` names, and no field has,
        # is removed.
        files = [(f"/{path}", content.decode()) for path, content in changes.items() if content is not None]
        files += [("files", f"/{path}") for path, content in changes.items() if content is None]
        fields = [("message", message), ("branch", config.branch), *(("parents", parent) for parent in parents), *files]
        response = yield Request.form("POST", self.repository_url(config) + "/src", fields, self.headers(config))
        if not response.ok:
            raise self.error(response, config)

    def hook_payload(self, config: Config) -> dict[str, Any]:
        # https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/ (webhooks)
        secret = config.webhook_secret.get_secret_value() if config.webhook_secret else None
        return {
            "description": hook_label(config),
            "url": self.hook_address(config),
            "active": True,
            "events": config.events,
            "secret": secret,
        }

    inbound = BitbucketInbound()

    def repository_name(self, config: Config) -> str:
        return f"{config.workspace}/{config.repository}"

    def repository_url(self, config: Config) -> str:
        base = self.endpoint("apiUrl", "https://api.bitbucket.org/2.0")
        return f"{base}/repositories/{quote(config.workspace)}/{quote(config.repository)}"

    def headers(self, config: Config) -> dict[str, str]:
        if config.access_token or not config.email:
            return super().headers(config)
        basic = base64.b64encode(f"{config.email}:{token(config)}".encode()).decode()
        return {"Authorization": f"Basic {basic}"}

    def error(self, response: Response, config: Config) -> IntegrationError:
        return bitbucket_error(
            response,
            self.repository_name(config),
            config.branch,
            has_email=bool(config.email),
            by_request=config.pull_request,
        )

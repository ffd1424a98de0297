import base64
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import Field

from invenicum.events.message import Message

from ...core.answers import error_for, excerpt, field_of, retry_after, text_at
from ...core.connector import Category, TestResult
from ...core.errors import AuthFailed, IntegrationError, InvalidConfig, RateLimited
from ...core.fields import Branch, HookSecret, HttpsUrl, PathPrefix, SyncAssets
from ...core.http import Flow, Request, Response
from ...core.markers import OAuthReplaces, SentTo
from ...core.oauth import OAuthSpec
from ...families.documents import Conflict, DocumentConfig, Stored
from ...families.git import GitConnector, check_size, commit_message, hook_label, token
from .fields import ApiKey, Email, Event, Repository, Workspace
from .inbound import BitbucketInbound

WRITE_SCOPES = {"repository:write", "repository:admin", "write:repository:bitbucket", "admin:repository:bitbucket"}
RATE_LIMIT_WAIT_SECONDS = 300.0  # if Bitbucket does not say how long


class Bitbucket(GitConnector):
    type = "bitbucket"
    name = "Bitbucket"
    category = Category.VERSION_CONTROL
    description = "Commits one JSON document an asset to a branch, and registers a webhook for the repository's events."
    setup: ClassVar[str] = """\
1. Create an access token for the repository (*Repository settings → Access tokens*) with *Repositories: write*, and
   *Webhooks* if you give a `webhookUrl`. Or create an API token of your Atlassian account with the scopes
   `read:repository:bitbucket`, `write:repository:bitbucket` (and `read:webhook:bitbucket`, `write:webhook:bitbucket`,
   `delete:webhook:bitbucket`), and give your `email` too. Or connect with OAuth and skip the token.
2. Make sure that the branch exists and that its restrictions let the token push to it.
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
    list_hooks = "/hooks?pagelen=50"
    hook_permission = "they need the permission Webhooks"

    class Config(DocumentConfig):
        api_key: Annotated[ApiKey | None, SentTo(), OAuthReplaces()] = None
        email: Email | None = None
        workspace: Workspace
        repository: Repository
        branch: Branch = "main"
        path_prefix: PathPrefix = "assets/"
        sync_assets: SyncAssets = True
        webhook_url: Annotated[HttpsUrl | None, Field(examples=["https://api.invenicum.com/webhooks/bitbucket"])] = None
        webhook_secret: Annotated[HookSecret | None, SentTo("webhook_url", only_with="webhook_url")] = None
        events: Annotated[list[Event], Field(min_length=1)] = ["repo:push"]

    def test(self, config: Config) -> Flow[TestResult]:
        response = yield from self.send("GET", "", config)
        scopes = {scope.strip() for scope in response.headers.get("x-oauth-scopes", "").split(",")} - {""}
        if config.sync_assets and scopes and not scopes & WRITE_SCOPES:
            raise AuthFailed("The token may read the repository but not write to it: it needs Repositories: write.")
        yield from self.check_branch(self._branch_path(config), config)
        if config.webhook_url:
            yield from self.check_hooks(config)
        name = field_of(response, "full_name") or self.repository_name(config)
        metadata = {"repository": name, "branch": config.branch, "private": bool(field_of(response, "is_private"))}
        return TestResult(f"Successfully connected to Bitbucket repository {name}", metadata)

    def _tip(self, config: Config) -> Flow[str]:
        branch = yield from self.check_branch(self._branch_path(config), config)
        return text_at(branch, "target", "hash")

    def _branch_path(self, config: Config) -> str:
        return f"/refs/branches/{quote(config.branch)}"

    def read(self, path: str, config: Config) -> Flow[Stored]:
        # By the commit's hash, because this address takes no branch with a slash in its name:
        # https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/
        tip = yield from self._tip(config)
        response = yield self.request("GET", f"/src/{tip}/{quote(path)}", config)
        if response.status == 404:
            return Stored(None, tip)
        if not response.ok:
            raise self.error(response, config)
        return Stored(response.body, tip)

    def write(self, path: str, content: bytes, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        check_size(content, self.name)
        # The leading slash distinguishes a file from the fields of the commit.
        yield from self._commit({f"/{path}": content.decode()}, found, message, config)

    def remove(self, path: str, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        yield from self._commit({"files": f"/{path}"}, found, message, config)

    def _commit(self, fields: Mapping[str, str], found: Stored | None, message: Message, config: Config) -> Flow[None]:
        # With a parent that is no longer the branch's tip, Bitbucket answers 409.
        parents = {"parents": found.version} if found else {}
        form = {"message": commit_message(message), "branch": config.branch, **parents, **fields}
        response = yield Request.form("POST", self.repository_url(config) + "/src", form, self.headers(config))
        if not response.ok:
            raise self.error(response, config)

    def hook_payload(self, config: Config) -> dict[str, Any]:
        # https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/ (webhooks)
        secret = config.webhook_secret.get_secret_value() if config.webhook_secret else None
        return {
            "description": hook_label(config),
            "url": config.webhook_url,
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
        status, name = response.status, self.repository_name(config)
        said = excerpt(field_of(response, "error", "message"))
        if status == 401:
            hint = "check apiKey and email" if config.email else "an API token needs your email too"
            return AuthFailed(f"Bitbucket refused the token: it is wrong, expired or revoked ({hint}).")
        if status == 429:
            # https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/: counted over the last hour
            return RateLimited(
                "Bitbucket asks to slow down.", retry_after=retry_after(response) or RATE_LIMIT_WAIT_SECONDS
            )
        if status == 403:
            return AuthFailed(f"The token may not do this in {name} ({said}): it needs Repositories: write.")
        if status == 404:
            return InvalidConfig(
                f"There is no repository {name} that this token can reach: check the names and the token's access.",
                {"repository": ["does not exist, or the token cannot see it"]},
            )
        if status == 409:
            return Conflict(f"Branch {config.branch} keeps changing during the commit ({said}).")
        if status == 400:
            return InvalidConfig(f"Bitbucket refused the request ({said}).")
        return error_for(response, self.name, said)

import base64
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlencode

from pydantic import Field, SecretStr

from invenicum.events.message import Message

from ...core.answers import excerpt, field_of, text_at
from ...core.connector import Category, TestResult
from ...core.errors import AuthFailed, IntegrationError, InvalidConfig
from ...core.fields import Branch, HookSecret, HttpsUrl, PathPrefix, SyncAssets, reveal
from ...core.http import Flow, Request, Response
from ...core.markers import Internal, OAuthReplaces, SentTo
from ...core.oauth import OAuthSpec
from ...families.documents import ABSENT, DocumentConfig, Stored
from ...families.git import GitConnector, check_size, commit_message, decoded
from .errors import NEEDED_PERMISSION, NO_BRANCH, github_error
from .fields import ApiKey, BaseUrl, Event, Organization, Repository
from .inbound import GitHubInbound

WRITE_SCOPES = {"repo", "public_repo"}


class GitHub(GitConnector):
    type = "github"
    name = "GitHub"
    category = Category.VERSION_CONTROL
    description = "Commits one JSON document an asset to a branch, and registers a webhook for the repository's events."
    setup: ClassVar[str] = """\
1. Create a token under *Settings → Developer settings → Personal access tokens*: a fine-grained one for the repository
   with *Contents: read and write* (and *Webhooks: read and write* if you give a `webhookUrl`), or a classic one with
   the scope `repo` (and `admin:repo_hook`). Or connect with OAuth and skip the token.
2. Make sure that the branch exists and that the token's owner may push to it.
"""
    oauth = OAuthSpec(
        "https://github.com/login/oauth/authorize",
        "https://github.com/login/oauth/access_token",
        scopes=("repo", "admin:repo_hook"),
        identity_url="https://api.github.com/user",
        identity_field="login",
        # https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-authorization
        revoke_url="https://api.github.com/applications/{client_id}/grant",
        revocation="authorization",
        revokes_account=True,
        # https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
        refusals=("invalid_grant", "bad_refresh_token"),
        refreshes=False,
        self_hosted={
            "authorizeUrl": "/login/oauth/authorize",
            "tokenUrl": "/login/oauth/access_token",
            "identityUrl": "/api/v3/user",
            "revokeUrl": "/api/v3/applications/{client_id}/grant",
        },
    )
    update_hook_method = "PATCH"
    hook_permission = "they need the scope admin:repo_hook, or Webhooks: read and write"

    class Config(DocumentConfig):
        api_key: Annotated[ApiKey | None, SentTo("base_url"), OAuthReplaces()] = None
        organization: Organization
        repository: Repository
        branch: Branch = "main"
        path_prefix: PathPrefix = "assets/"
        sync_assets: SyncAssets = True
        webhook_url: HttpsUrl | None = None
        webhook_secret: Annotated[HookSecret | None, SentTo("base_url", "webhook_url", only_with="webhook_url")] = None
        events: Annotated[list[Event], Field(min_length=1, max_length=80)] = ["push"]
        base_url: BaseUrl | None = None
        access_token: Annotated[SecretStr | None, Internal(), SentTo("base_url")] = None

    def test(self, config: Config) -> Flow[TestResult]:
        name = self.repository_name(config)
        answer = yield from self.send("GET", "", config)
        repository = answer.json_object()
        if repository.get("archived"):
            raise InvalidConfig(f"{name} is archived: nothing can be committed to it.")
        scopes = answer.headers.get("x-oauth-scopes")  # only classic tokens have scopes
        may_write = scopes is None or not WRITE_SCOPES.isdisjoint(scopes.split(", "))
        if field_of(answer, "permissions", "push") is False or not may_write:
            raise AuthFailed(f"The token may read {name} but not write to it: it needs {NEEDED_PERMISSION}.")
        yield from self.check_branch(f"/branches/{quote(config.branch, safe='')}", config)
        if config.sync_assets:
            # A fine-grained token's permissions show only when it is used. A blob outside every tree is invisible.
            blob = yield self.request("POST", "/git/blobs", config, {"content": "", "encoding": "utf-8"})
            if blob.status == 403:
                raise self.error(blob, config)
        if config.webhook_url:
            yield from self.check_hooks(config)
        return TestResult(
            f"Successfully connected to GitHub repository {name}",
            {
                "repository": repository.get("full_name", name),
                "branch": config.branch,
                "private": bool(repository.get("private")),
                "url": repository.get("html_url"),
            },
        )

    def read(self, path: str, config: Config) -> Flow[Stored]:
        # https://docs.github.com/en/rest/repos/contents#get-repository-content
        query = urlencode({"ref": config.branch})
        response = yield self.request("GET", f"/contents/{quote(path)}?{query}", config)
        if response.status == 404 and not NO_BRANCH.match(excerpt(field_of(response, "message"))):
            return ABSENT
        if not response.ok:
            raise self.error(response, config)
        if field_of(response, "type") not in ("file", None):
            raise InvalidConfig(f"{path} is not a file in {self.repository_name(config)}.")
        return Stored(decoded(response, "content"), text_at(response, "sha"))

    def write(self, path: str, content: bytes, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        # https://docs.github.com/en/rest/repos/contents#create-or-update-file-contents
        check_size(content, self.name)
        fields = {"content": base64.b64encode(content).decode()}
        response = yield self._commit("PUT", path, found, message, config, fields)
        if not response.ok:
            raise self.error(response, config)

    def remove(self, path: str, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        response = yield self._commit("DELETE", path, found, message, config, {})
        if not response.ok and response.status != 404:
            raise self.error(response, config)

    def _commit(
        self, method: str, path: str, found: Stored | None, message: Message, config: Config, fields: dict[str, str]
    ) -> Request:
        version = {"sha": found.version} if found and found.version else {}
        payload = {"message": commit_message(message), "branch": config.branch, **version, **fields}
        return self.request(method, f"/contents/{quote(path)}", config, payload)

    def hook_payload(self, config: Config) -> dict[str, Any]:
        # https://docs.github.com/en/rest/repos/webhooks#create-a-repository-webhook
        target = {
            "url": config.webhook_url,
            "content_type": "json",
            "secret": reveal(config.webhook_secret),
            "insecure_ssl": "0",
        }
        return {"name": "web", "active": True, "events": config.events, "config": target}

    def is_own_hook(self, hook: Mapping[str, Any], config: Config) -> bool:
        # GitHub's hooks have no label, and a repository has at most one hook for an address.
        target = hook.get("config")
        return isinstance(target, dict) and target.get("url") == config.webhook_url

    inbound = GitHubInbound()

    def repository_name(self, config: Config) -> str:
        return f"{config.organization}/{config.repository}"

    def repository_url(self, config: Config) -> str:
        base = (config.base_url or self.endpoint("apiUrl", "https://api.github.com")).rstrip("/")
        # Users may give the server's address without the API's path.
        if config.base_url and not base.endswith("/api/v3") and not base.startswith("https://api."):
            base += "/api/v3"
        return f"{base}/repos/{self.repository_name(config)}"

    def headers(self, config: Config) -> dict[str, str]:
        own = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        return super().headers(config) | own

    def error(self, response: Response, config: Config) -> IntegrationError:
        return github_error(response, self.repository_name(config), config.branch)

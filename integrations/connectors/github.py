import base64
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlencode

from pydantic import Field, SecretStr

from invenicum.events.message import Message

from ..core.answers import error_for, excerpt, field_of, objects_at, reset_after, retry_after, text_at
from ..core.config import Destination, Matches, NeverSent, OAuthReplaces
from ..core.connector import Category, TestResult
from ..core.errors import AuthFailed, IntegrationError, InvalidConfig, RateLimited
from ..core.fields import Branch, HookSecret, HttpsUrl, PathPrefix, Reachable, SyncAssets, token_like
from ..core.http import Flow, Request, Response
from ..core.oauth import OAuthSpec
from ..families.documents import ABSENT, Conflict, DocumentConfig, Stored
from ..families.git import GitConnector, check_size, commit_message, decoded
from ..families.git_inbound import GitInbound, github_line

ApiKey = Annotated[SecretStr, token_like("ghp_xxxxxxxxxxxxx")]
Organization = Annotated[
    str, Matches(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", "the name of an organization or a user", "my-org")
]
Repository = Annotated[
    str,
    Matches(
        r"^(?!\.{1,2}$)(?!.*\.git$)[A-Za-z0-9._-]{1,100}$",
        "the name of a repository, without owner and without .git",
        "asset-repo",
    ),
]
BaseUrl = Annotated[
    str,
    Matches(
        r"^https://[^\s/?#@]+(?::\d{1,5})?(?:/api/v3)?/?$",
        "the address of a GitHub Enterprise server",
        "https://github.example.com/api/v3",
    ),
    Reachable,
]
# https://docs.github.com/en/webhooks/webhook-events-and-payloads
Event = Annotated[
    str, Matches(r"^(?:\*|[a-z]+(?:_[a-z]+)*)$", "the name of a GitHub webhook event, or * for all", "pull_request")
]
WRITING = {"repo", "public_repo"}
# To who reads, and to who writes.
NO_BRANCH = re.compile(r"No commit found|Branch .*not found")
CONTENTS = "the scope repo, or Contents: read and write"


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
        api_key: Annotated[ApiKey | None, OAuthReplaces()] = None
        organization: Organization
        repository: Repository
        branch: Branch = "main"
        path_prefix: PathPrefix = "assets/"
        sync_assets: SyncAssets = True
        webhook_url: HttpsUrl | None = None
        webhook_secret: Annotated[HookSecret | None, NeverSent()] = None
        events: Annotated[list[Event], Field(min_length=1, max_length=80)] = ["push"]
        base_url: Annotated[BaseUrl | None, Destination()] = None

    def test(self, config: Config) -> Flow[TestResult]:
        name = self.repository_name(config)
        answer = yield from self.send("GET", "", config)
        repository = answer.json_object()
        if repository.get("archived"):
            raise InvalidConfig(f"{name} is archived: nothing can be committed to it.")
        scopes = answer.headers.get("x-oauth-scopes")  # of classic tokens only
        may_write = scopes is None or not WRITING.isdisjoint(scopes.split(", "))
        if field_of(answer, "permissions", "push") is False or not may_write:
            raise AuthFailed(f"The token may read {name} but not write to it: it needs {CONTENTS}.")
        yield from self.check_branch(f"/branches/{quote(config.branch, safe='')}", config)
        if config.sync_assets:
            # What a fine-grained token may do shows only in doing it. Nobody sees a blob that no tree names.
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
        secret = config.webhook_secret.get_secret_value() if config.webhook_secret else ""
        target = {"url": config.webhook_url, "content_type": "json", "secret": secret, "insecure_ssl": "0"}
        return {"name": "web", "active": True, "events": config.events, "config": target}

    def is_own_hook(self, hook: Mapping[str, Any], config: Config) -> bool:
        # GitHub has room for no label, and takes no second hook for the same address either.
        target = hook.get("config")
        return isinstance(target, dict) and target.get("url") == config.webhook_url

    # https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
    inbound = GitInbound(
        "x-github-event",
        ("x-github-delivery",),
        github_line,
        "x-hub-signature-256",
        # …#release: publishing a release is told three times, as `created`, `published` and `released`.
        echoes={("release", "created"), ("release", "released")},
    )

    def repository_name(self, config: Config) -> str:
        return f"{config.organization}/{config.repository}"

    def repository_url(self, config: Config) -> str:
        base = (config.base_url or self.endpoint("apiUrl", "https://api.github.com")).rstrip("/")
        # A server's address may be given without the API's path.
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
        status, name = response.status, self.repository_name(config)
        said = excerpt(field_of(response, "message"))
        if _is_rate_limit(response, said):
            wait = retry_after(response) or reset_after(response, "x-ratelimit-reset") or 60.0
            return RateLimited(f"GitHub asks to slow down ({said}).", retry_after=wait)
        if status == 401:
            return AuthFailed("GitHub refused the token: it is wrong, expired or revoked. Create a new one.")
        if status == 403:
            return AuthFailed(f"The token may not do this in {name} ({said}): it needs {CONTENTS}.")
        if status == 301:
            # https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
            sentence = f"The repository {name} was renamed or moved: give the name that it has now."
            return InvalidConfig(sentence, {"repository": ["was renamed or moved"]})
        if status == 404 and NO_BRANCH.match(said):
            return InvalidConfig(f"{name} has no branch {config.branch}.", {"branch": ["does not exist"]})
        if status == 404:
            return InvalidConfig(
                f"There is no repository {name} that this token can reach: check the names and the token's access.",
                {"repository": ["does not exist, or the token cannot see it"]},
            )
        if status in (409, 422) and re.search(r"\brules?\b|protected|pull request", said, re.IGNORECASE):
            return InvalidConfig(f"The rules of branch {config.branch} forbid direct commits ({said}).")
        # 422 is also what a file gets that appeared after we looked.
        if status == 409 or (status == 422 and "sha" in said):
            return Conflict(f"Somebody else keeps writing to branch {config.branch} ({said}).")
        if status == 422:
            return InvalidConfig(f"GitHub refused the request ({said}{_reasons(response)}).")
        return error_for(response, self.name, said)


def _is_rate_limit(response: Response, said: str) -> bool:
    # https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
    marks = response.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in response.headers
    return response.status == 429 or (response.status == 403 and (marks or "rate limit" in said.lower()))


def _reasons(response: Response) -> str:
    found = [excerpt(error.get("message")) for error in objects_at(response, "errors")]
    return "".join(f"; {reason}" for reason in found if reason)

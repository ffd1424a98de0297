import re
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlencode

from pydantic import Field, SecretStr

from invenicum.events.message import Message

from ...core.answers import error_for, excerpt, field_of, reset_after, retry_after
from ...core.connector import Category, TestResult
from ...core.errors import AuthFailed, IntegrationError, InvalidConfig, RateLimited
from ...core.fields import Branch, HookSecret, HttpsUrl, PathPrefix, SyncAssets, reveal
from ...core.http import Flow, Request, Response
from ...core.markers import Internal, OAuthReplaces, SentTo
from ...core.oauth import OAuthSpec
from ...families.documents import ABSENT, Conflict, DocumentConfig, Stored
from ...families.git import GitConnector, check_size, commit_message, decoded, hook_label
from .fields import EVENTS, ApiKey, BaseUrl, Event, Project, SigningToken
from .inbound import GitLabInbound

# https://docs.gitlab.com/api/commits/#create-a-commit-with-multiple-files-and-actions
CONFLICTING_CHANGE = re.compile(r"already exists|doesn't exist|has changed since|could not update", re.IGNORECASE)
RATE_LIMIT_WAIT_SECONDS = 60.0  # if GitLab does not say how long


class GitLab(GitConnector):
    type = "gitlab"
    name = "GitLab"
    category = Category.VERSION_CONTROL
    description = "Commits one JSON document an asset to a branch, and registers a webhook for the project's events."
    setup: ClassVar[str] = """\
1. Create a project, group or personal access token with the scope `api` and at least the role *Developer*
   (*Maintainer* if you give a `webhookUrl`). Or connect with OAuth and skip the token.
2. Make sure that the branch exists and that this role may push to it: a protected branch needs *Allowed to push*.
3. For a server of your own, give its address as `baseUrl`.
"""
    oauth = OAuthSpec(
        "https://gitlab.com/oauth/authorize",
        "https://gitlab.com/oauth/token",
        scopes=("api", "read_user"),
        identity_url="https://gitlab.com/api/v4/user",
        identity_field="username",
        revoke_url="https://gitlab.com/oauth/revoke",
        rotates=True,
        self_hosted={
            "authorizeUrl": "/oauth/authorize",
            "tokenUrl": "/oauth/token",
            "identityUrl": "/api/v4/user",
            "revokeUrl": "/oauth/revoke",
        },
    )
    hook_permission = "they need the role Maintainer"

    class Config(DocumentConfig):
        api_key: Annotated[ApiKey | None, SentTo("base_url"), OAuthReplaces()] = None
        project: Project
        branch: Branch = "main"
        path_prefix: PathPrefix = "assets/"
        sync_assets: SyncAssets = True
        webhook_url: Annotated[HttpsUrl | None, Field(examples=["https://api.invenicum.com/webhooks/gitlab"])] = None
        webhook_secret: Annotated[HookSecret | None, SentTo("base_url", "webhook_url", only_with="webhook_url")] = None
        webhook_signing_token: Annotated[
            SigningToken | None, SentTo("base_url", "webhook_url", only_with="webhook_url")
        ] = None
        events: Annotated[list[Event], Field(min_length=1)] = ["push_events"]
        base_url: BaseUrl | None = None
        access_token: Annotated[SecretStr | None, Internal(), SentTo("base_url")] = None

    def generated_secrets(self, config: Config) -> dict[str, str]:
        return {} if config.webhook_signing_token else super().generated_secrets(config)

    def test(self, config: Config) -> Flow[TestResult]:
        project = (yield from self.send("GET", "", config)).json_object()
        name = project.get("path_with_namespace", config.project)
        if project.get("archived"):
            raise InvalidConfig(f"{name} is archived: nothing can be committed to it.")
        branch = yield from self.check_branch(f"/repository/branches/{quote(config.branch, safe='')}", config)
        if config.sync_assets and field_of(branch, "can_push") is False:
            raise AuthFailed(f"The token may not push to branch {config.branch} of {name}.")
        yield from self._check_scope(config)
        if config.webhook_url:
            yield from self.check_hooks(config)
        return TestResult(
            f"Successfully connected to GitLab project {name}",
            {"project": name, "projectId": project.get("id"), "branch": config.branch, "url": project.get("web_url")},
        )

    def _check_scope(self, config: Config) -> Flow[None]:
        """Raises AuthFailed if the token's scope is too narrow. `can_push` tells only what its owner may do."""
        if config.access_token:
            return
        url = f"{self._api_url(config)}/personal_access_tokens/self"
        response = yield Request("GET", url, self.headers(config))  # not every token may read its own scopes
        scopes = field_of(response, "scopes")
        if response.ok and isinstance(scopes, list) and "api" not in scopes:
            raise AuthFailed("The token lacks the scope api.")

    def read(self, path: str, config: Config) -> Flow[Stored]:
        # https://docs.gitlab.com/api/repository_files/#get-file-from-repository
        query = urlencode({"ref": config.branch})
        response = yield self.request("GET", f"/repository/files/{quote(path, safe='')}?{query}", config)
        if response.status == 404 and "File" in _message_of(response):
            return ABSENT
        if not response.ok:
            raise self.error(response, config)
        return Stored(decoded(response, "content"), excerpt(field_of(response, "last_commit_id")))

    def write(self, path: str, content: bytes, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        check_size(content, self.name)
        kind = "create" if found is None or found.content is None else "update"
        yield from self._commit(kind, path, found, message, config, {"content": content.decode()})

    def remove(self, path: str, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        yield from self._commit("delete", path, found, message, config, {})

    def _commit(
        self, kind: str, path: str, found: Stored | None, message: Message, config: Config, fields: dict[str, str]
    ) -> Flow[None]:
        version = {"last_commit_id": found.version} if found and found.version else {}
        action = {"action": kind, "file_path": path, **version, **fields}
        payload = {"branch": config.branch, "commit_message": commit_message(message), "actions": [action]}
        yield from self.send("POST", "/repository/commits", config, payload)

    def hook_payload(self, config: Config) -> dict[str, Any]:
        secrets = {"token": config.webhook_secret, "signing_token": config.webhook_signing_token}
        return {
            "url": config.webhook_url,
            "description": hook_label(config),
            "enable_ssl_verification": True,
            **{event: event in config.events for event in EVENTS},
            **{name: reveal(secret) for name, secret in secrets.items() if secret},
        }

    inbound = GitLabInbound()

    def repository_name(self, config: Config) -> str:
        return config.project

    def repository_url(self, config: Config) -> str:
        return f"{self._api_url(config)}/projects/{quote(config.project, safe='')}"

    def _api_url(self, config: Config) -> str:
        return (config.base_url or self.endpoint("apiUrl", "https://gitlab.com")).rstrip("/") + "/api/v4"

    def error(self, response: Response, config: Config) -> IntegrationError:
        # https://docs.gitlab.com/api/rest/troubleshooting/
        status, said, name = response.status, _message_of(response), config.project
        if status == 401:
            return AuthFailed("GitLab refused the token: it is wrong, expired or revoked. Create a new one.")
        if status == 429:
            wait = retry_after(response) or reset_after(response, "ratelimit-reset")
            return RateLimited("GitLab asks to slow down.", retry_after=wait or RATE_LIMIT_WAIT_SECONDS)
        if "push into this branch" in said:
            return AuthFailed(f"The token may not push to branch {config.branch} of {name}.")
        if status == 403:
            return AuthFailed(f"The token may not do this in {name} ({said}): it needs the scope api, role Developer.")
        if status == 404 and "Commit" not in said and "Branch" not in said:
            return InvalidConfig(
                f"There is no project {name} that this token can reach: check the path and the token's access.",
                {"project": ["does not exist, or the token cannot see it"]},
            )
        if status == 404 or "when you are on a branch" in said:
            return InvalidConfig(f"{name} has no branch {config.branch}.", {"branch": ["does not exist"]})
        if status == 409 or (status == 400 and CONFLICTING_CHANGE.search(said)):
            return Conflict(f"Branch {config.branch} keeps changing during the commit ({said}).")
        if status in (400, 422):
            return InvalidConfig(f"GitLab refused the request ({said}).")
        return error_for(response, self.name, said)


def _message_of(response: Response) -> str:
    """GitLab's error message, which has one of three names and may be a list or an object."""
    for name in ("message", "error_description", "error"):
        if said := field_of(response, name):
            return excerpt(said if isinstance(said, str) else str(said))
    return ""

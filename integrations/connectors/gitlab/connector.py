import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import quote, urlencode

from pydantic import Field, SecretStr

from ...core.answers import excerpt, field_of
from ...core.connector import Category, TestResult
from ...core.errors import AuthFailed, IntegrationError, InvalidConfig
from ...core.fields import Branch, HookSecret, HttpsUrl, PathPrefix, SyncAssets, reveal
from ...core.http import Flow, Request, Response
from ...core.markers import Internal, OAuthReplaces, SentTo
from ...core.oauth import OAuthSpec
from ...families.documents import ABSENT, DocumentConfig, Stored
from ...families.git import decoded
from ...families.git_commits import DEFAULT_COMMIT_MESSAGE, CommitMessage
from ...families.git_hooks import hook_label
from ...families.git_pull_requests import PullRequest
from .errors import gitlab_error, message_of
from .fields import EVENTS, ApiKey, BaseUrl, Event, Project, SigningToken
from .inbound import GitLabInbound
from .merge_requests import GitLabMergeRequests

# Of a token; `granular` means that it has single permissions instead, which only the requests themselves show:
# https://docs.gitlab.com/auth/tokens/fine_grained_access_tokens/
WRITE_SCOPES = {"api", "granular"}


class GitLab(GitLabMergeRequests):
    type = "gitlab"
    name = "GitLab"
    category = Category.VERSION_CONTROL
    description = "Commits one JSON document an asset to a branch, and registers a webhook for the project's events."
    setup: ClassVar[str] = """\
1. Create a project, group or personal access token with the scope `api` and at least the role *Developer*
   (*Maintainer* if you give a `webhookUrl`). Or connect with OAuth and skip the token. A fine-grained personal access
   token needs these permissions for the project: *Project: Read*, *Branch: Read*, *Repository: Read* and
   *Commit: Create*, with a `webhookUrl` also *Webhook: Create, Read, Update* and *Delete*, and for `pullRequest` also
   *Branch: Create* and *Delete*, *Merge Request: Create* and *Read*.
2. Make sure that the branch exists, unless the project is empty, and that this role may push to it: a protected branch
   needs *Allowed to push and merge*, or set `pullRequest`. In an empty project a Developer may need it for the first
   commit too.
3. For a server of your own, give its address as `baseUrl`.

Tokens expire, after a year at most: GitLab sends its owner a mail before. After a rename or a move of the project give
its new path; with its number as `project` neither matters.
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
    hook_permission = "they need the role Maintainer, or Webhook: Create, Read, Update and Delete"
    # https://gitlab.com/gitlab-org/gitlab/-/blob/master/lib/api/helpers.rb (find_project!)
    moved_address = re.compile(r"https?://[\x21-\x7e]{1,2100}?/projects/\d{1,20}(?![^/?])")
    full_name_path = ("path_with_namespace",)
    name_fields = ("project",)

    class Config(DocumentConfig):
        api_key: Annotated[ApiKey | None, SentTo("base_url"), OAuthReplaces()] = None
        project: Project
        branch: Branch = "main"
        path_prefix: PathPrefix = "assets/"
        sync_assets: SyncAssets = True
        commit_message: CommitMessage = DEFAULT_COMMIT_MESSAGE
        pull_request: PullRequest = False
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
        answer = yield from self.send("GET", "", config)
        project = answer.json_object()
        name = project.get("path_with_namespace", config.project)
        if project.get("archived"):
            raise InvalidConfig(f"{name} is archived: nothing can be committed to it.")
        branch = yield from self.check_branch(config, answer)
        is_direct = config.sync_assets and not config.pull_request
        if is_direct and branch and field_of(branch, "can_push") is False:
            raise AuthFailed(f"The token may not push to branch {config.branch} of {name}.")
        yield from self._check_scope(config)
        if config.webhook_url:
            yield from self.check_hooks(config)
        return TestResult(
            f"Successfully connected to GitLab project {name}",
            {
                "project": name,
                "projectId": project.get("id"),
                "branch": config.branch,
                "defaultBranch": self.default_branch(answer),
                "empty": branch is None,
                "url": project.get("web_url"),
            },
        )

    def _check_scope(self, config: Config) -> Flow[None]:
        """Raises AuthFailed if the token's scope is too narrow. `can_push` tells only what its owner may do."""
        if config.access_token:
            return
        url = f"{self._api_url(config)}/personal_access_tokens/self"
        response = yield Request("GET", url, self.headers(config))  # not every token may read its own scopes
        scopes = field_of(response, "scopes")
        names = {scope for scope in scopes if isinstance(scope, str)} if isinstance(scopes, list) else WRITE_SCOPES
        if response.ok and names.isdisjoint(WRITE_SCOPES):
            raise AuthFailed("The token lacks the scope api.")

    def branch_path(self, config: Config) -> str:
        return f"/repository/branches/{quote(config.branch, safe='')}"

    def is_empty(self, repository: Response, config: Config) -> Flow[bool]:
        yield from ()
        return field_of(repository, "empty_repo") is True

    def read(self, path: str, config: Config) -> Flow[Stored]:
        # https://docs.gitlab.com/api/repository_files/#get-file-from-repository
        query = urlencode({"ref": config.branch})
        response = yield self.request("GET", f"/repository/files/{quote(path, safe='')}?{query}", config)
        said = message_of(response) if response.status == 404 else ""
        if "Commit" in said:  # the branch does not exist, or the project is empty
            yield from self.check_branch(config)
        if "Commit" in said or "File" in said:
            return ABSENT
        if not response.ok:
            yield from self.refuse(response, config)
        return Stored(decoded(response, "content"), excerpt(field_of(response, "last_commit_id")))

    def commit(
        self,
        changes: Mapping[str, bytes | None],
        found: Mapping[str, Stored],
        message: str,
        config: Config,
        base: Response | None = None,
    ) -> Flow[None]:
        # https://docs.gitlab.com/api/commits/#create-a-commit-with-multiple-files-and-actions
        actions = [_action(path, content, found[path]) for path, content in changes.items()]
        payload = {"branch": config.branch, "commit_message": message, "actions": actions}
        # The first commit to an empty project makes the branch too: validate_branch_existence! in
        # https://gitlab.com/gitlab-org/gitlab/-/blob/master/app/services/commits/create_service.rb
        yield from self.send("POST", "/repository/commits", config, payload)

    def hook_payload(self, config: Config) -> dict[str, Any]:
        secrets = {"token": config.webhook_secret, "signing_token": config.webhook_signing_token}
        return {
            "url": self.hook_address(config),
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
        return gitlab_error(response, config.project, config.branch, by_request=config.pull_request)


def _action(path: str, content: bytes | None, found: Stored) -> dict[str, str]:
    kind = "delete" if content is None else "create" if found.content is None else "update"
    version = {"last_commit_id": found.version} if found.version else {}
    return {"action": kind, "file_path": path, **version, **({} if content is None else {"content": content.decode()})}

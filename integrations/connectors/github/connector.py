import base64
import re
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
from ...families.documents import ABSENT, DocumentConfig, Stored
from ...families.git import check_size, decoded
from ...families.git_commits import DEFAULT_COMMIT_MESSAGE, CommitMessage
from ...families.git_pull_requests import PullRequest
from .addresses import OAUTH, api_url, oauth_addresses
from .commits import GitHubCommits
from .errors import NEEDED_PERMISSION, NO_BRANCH, github_error, reasons
from .fields import ApiKey, BaseUrl, Event, Organization, Repository
from .inbound import GitHubInbound
from .pull_requests import GitHubPullRequests

WRITE_SCOPES = {"repo", "public_repo"}


class GitHub(GitHubCommits, GitHubPullRequests):
    type = "github"
    name = "GitHub"
    category = Category.VERSION_CONTROL
    description = "Commits one JSON document an asset to a branch, and registers a webhook for the repository's events."
    setup: ClassVar[str] = """\
1. Create a token under *Settings → Developer settings → Personal access tokens*: a fine-grained one for the repository
   with *Contents: read and write* (and *Webhooks: read and write* if you give a `webhookUrl`, and *Pull requests: read
   and write* for `pullRequest`), or a classic one with the scope `repo` (and `admin:repo_hook`). Or connect with OAuth
   and skip the token. A classic token has to be authorized for an organization with single sign-on.
2. Make sure that the branch exists, unless the repository is empty, and that the token's owner may push to it: branch
   protection and rulesets refuse direct commits unless its owner, or the app, may bypass them. Or set `pullRequest`.
3. For GitHub Enterprise give the server's address as `baseUrl`, for data residency that of your subdomain of ghe.com.

After a rename of the repository or the branch give its new name: GitHub redirects reads only.
"""
    oauth = OAUTH
    update_hook_method = "PATCH"
    hook_permission = "they need the scope admin:repo_hook, or Webhooks: read and write"
    moved_address = re.compile(r"https?://[\x21-\x7e]{1,300}/repositories/\d{1,20}(?![^/?])")
    name_fields = ("organization", "repository")

    class Config(DocumentConfig):
        api_key: Annotated[ApiKey | None, SentTo("base_url"), OAuthReplaces()] = None
        organization: Organization
        repository: Repository
        branch: Branch = "main"
        path_prefix: PathPrefix = "assets/"
        sync_assets: SyncAssets = True
        commit_message: CommitMessage = DEFAULT_COMMIT_MESSAGE
        pull_request: PullRequest = False
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
        # Only classic tokens have scopes here; the header is there and blank for others, such as those of GitHub Apps:
        # https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
        scopes = set(re.split(r"[,\s]+", answer.headers.get("x-oauth-scopes", ""))) - {""}
        if field_of(answer, "permissions", "push") is False or (scopes and scopes.isdisjoint(WRITE_SCOPES)):
            raise AuthFailed(f"The token may read {name} but not write to it: it needs {NEEDED_PERMISSION}.")
        branch = yield from self.check_branch(config, answer)
        if config.sync_assets:
            # A fine-grained token's permissions show only when it is used. A blob outside every tree is invisible.
            # An empty repository refuses even a good token's with 409.
            blob = yield self.request("POST", "/git/blobs", config, {"content": "", "encoding": "utf-8"})
            if blob.status == 403:
                raise self.error(blob, config)
        if config.pull_request:
            yield from self.check_requests(config)
        if config.webhook_url:
            yield from self.check_hooks(config)
        return TestResult(
            f"Successfully connected to GitHub repository {name}",
            {
                "repository": repository.get("full_name", name),
                "branch": config.branch,
                "defaultBranch": self.default_branch(answer),
                "empty": branch is None,
                "private": bool(repository.get("private")),
                "url": repository.get("html_url"),
            },
        )

    def branch_path(self, config: Config) -> str:
        return f"/branches/{quote(config.branch, safe='')}"

    def is_empty(self, repository: Response, config: Config) -> Flow[bool]:
        # https://github.com/github/rest-api-description/issues/385
        commits = yield self.request("GET", "/commits?per_page=1", config)
        return commits.status == 409 and "is empty" in excerpt(field_of(commits, "message"))

    def confirm_absence(self, config: Config) -> Flow[None]:
        yield from self.check_branch(config)  # a repository that is gone has the same answer as a file that is

    def read(self, path: str, config: Config) -> Flow[Stored]:
        # https://docs.github.com/en/rest/repos/contents#get-repository-content
        query = urlencode({"ref": config.branch})
        response = yield self.request("GET", f"/contents/{quote(path)}?{query}", config)
        if response.status == 404:
            if NO_BRANCH.match(excerpt(field_of(response, "message"))):
                yield from self.check_branch(config)
            return ABSENT
        if not response.ok:
            yield from self.refuse(response, config)
        if field_of(response, "type") not in ("file", None):
            raise InvalidConfig(f"{path} is not a file in {self.repository_name(config)}.")
        return Stored(decoded(response, "content"), text_at(response, "sha"))

    def write(self, path: str, content: bytes, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        # https://docs.github.com/en/rest/repos/contents#create-or-update-file-contents
        # In an empty repository it makes the first commit, and the branch with it:
        # https://docs.github.com/en/rest/guides/using-the-rest-api-to-interact-with-your-git-database
        check_size(content, self.name)
        fields = {"content": base64.b64encode(content).decode()}
        response = yield self._write("PUT", path, found, message, config, fields)
        if not response.ok:
            yield from self.refuse(response, config)

    def remove(self, path: str, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        response = yield self._write("DELETE", path, found, message, config, {})
        if not response.ok and response.status != 404:
            yield from self.refuse(response, config)

    def _write(
        self, method: str, path: str, found: Stored | None, message: Message, config: Config, fields: dict[str, str]
    ) -> Request:
        version = {"sha": found.version} if found and found.version else {}
        payload = {"message": self.commit_message(message, config), "branch": config.branch, **version, **fields}
        return self.request(method, f"/contents/{quote(path)}", config, payload)

    def hook_payload(self, config: Config) -> dict[str, Any]:
        # https://docs.github.com/en/rest/repos/webhooks#create-a-repository-webhook
        target = {
            "url": self.hook_address(config),
            "content_type": "json",
            "secret": reveal(config.webhook_secret),
            "insecure_ssl": "0",
        }
        return {"name": "web", "active": True, "events": config.events, "config": target}

    def is_own_hook(self, hook: Mapping[str, Any], config: Config) -> bool:
        # GitHub's hooks have no description: only an address with the integration's id proves whose a hook is.
        target, address = hook.get("config"), self.hook_address(config)
        is_ours = bool(config.integration_id) and address.endswith(f"/{config.integration_id}")
        return is_ours and isinstance(target, dict) and target.get("url") == address

    def hook_error(self, response: Response, config: Config) -> IntegrationError:
        if response.status == 422 and "already exists" in reasons(response):
            sentence = (
                f"{self.repository_name(config)} has a webhook for this address that this integration did not register:"
                " delete it there, or give another webhookUrl."
            )
            return InvalidConfig(sentence, {"webhookUrl": ["is used by another webhook of the repository"]})
        return super().hook_error(response, config)

    inbound = GitHubInbound()

    def self_hosted_addresses(self, server: str) -> Mapping[str, str]:
        return oauth_addresses(server)

    def repository_name(self, config: Config) -> str:
        return f"{config.organization}/{config.repository}"

    def repository_url(self, config: Config) -> str:
        base = api_url(config.base_url) if config.base_url else self.endpoint("apiUrl", "https://api.github.com")
        return f"{base}/repos/{self.repository_name(config)}"

    def headers(self, config: Config) -> dict[str, str]:
        own = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        return super().headers(config) | own

    def error(self, response: Response, config: Config) -> IntegrationError:
        return github_error(response, self.repository_name(config), config.branch, by_request=config.pull_request)

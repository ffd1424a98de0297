"""What GitHub, GitLab and Bitbucket have in common: documents committed to a branch. Pure."""

import base64
import re
from typing import Any, ClassVar, NoReturn

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ..core.answers import excerpt, field_of
from ..core.errors import ConnectionFailed, InvalidConfig, Rejected
from ..core.http import Flow, Request, Response
from .documents import DocumentConnector, document_path
from .git_commits import commit_message
from .git_hooks import RepositoryConnector, is_same_server

# Files are read back as base64 in JSON, of which the driver reads 64 KiB.
MAX_DOCUMENT_BYTES = 40_000
REDIRECTS = (301, 302, 307, 308)
ADDRESS = re.compile(r"https?://[\x21-\x7e]{1,2000}")


class NoBranch(InvalidConfig):
    """The repository `where` has no branch `branch`. `default` is its default branch; empty if it is not known."""

    def __init__(self, where: str, branch: str, default: str = ""):
        choice = f"choose another, such as its default branch {default}," if default else "choose another"
        super().__init__(f"{where} has no branch {branch}: {choice} or create it.", {"branch": ["does not exist"]})


class ProtectedBranch(InvalidConfig):
    """A rule refuses commits to `branch` of the repository `where`, as the platform has `said`.

    `by_request`: whether the integration opens pull requests, so that the branch is its own.
    """

    def __init__(self, where: str, branch: str, said: str, *, by_request: bool):
        advice = "let the token's owner bypass it"
        advice += "" if by_request else ", choose another branch, or turn pullRequest on"
        sentence = f"A rule of branch {branch} in {where} refuses direct commits ({said}): {advice}."
        super().__init__(sentence, {"branch": ["is protected"]})


class GitConnector(RepositoryConnector, DocumentConnector):
    """Commits documents to a branch and registers a webhook for the platform's events.

    Subclasses also set `default_branch_path` and implement `branch_path`. Their `Config` has `branch`, `path_prefix`,
    `sync_assets`, `commit_message` and `pull_request` too.
    """

    sends = (
        DocumentConnector.sends
        + """
Changes are committed to `branch` in the name of the token's owner: one commit has those of one asset, or of up to 20 if
several wait. A document that would not change is left out. `pathPrefix` is a folder: `assets` means `assets/`. The
first asset creates the branch of an empty repository. With `syncAssets: false` nothing is sent at all.

`commitMessage` is the message of each commit. In it `{summary}` becomes e.g. `Update asset-123: Hero Image.jpg`, or
`Update 3 assets: asset-1, asset-2, asset-3`, and
`{action}`, `{assetId}`, `{name}` and `{event}` (such as `asset.updated`) are there too. `[skip ci]`, which the default
ends with, keeps the platform from starting a pipeline for each asset: leave it out if pipelines should run. The event's
id and the integration's are added as trailers.

If a rule protects the branch, if the branch or the repository was renamed or deleted, or if the token may not write any
more, deliveries wait until that is corrected, and `status` says what to do.

With a `webhookUrl`, a webhook for `events` is registered when the integration is saved, updated with it, and
removed when it is deleted. If the address ends with `/webhooks/<type>`, the integration's id is appended to it. If you
give no secret, one is created. A webhook that somebody else registered is never touched.
"""
    )
    reads_first = True
    concurrency = 1  # of two simultaneous commits to a branch, one is refused
    default_branch_path: ClassVar[tuple[str, ...]] = ("default_branch",)  # in what describes the repository
    # In the address to which a request for a repository that has moved is redirected: the part that names it.
    moved_address: ClassVar[re.Pattern[str] | None] = None
    # In what describes the repository: its full name; and the fields of the configuration that hold it.
    full_name_path: ClassVar[tuple[str, ...]] = ("full_name",)
    name_fields: ClassVar[tuple[str, ...]] = ("repository",)

    def branch_path(self, config: Any) -> str:
        """The path, below the repository's address, of what describes the branch."""
        raise NotImplementedError

    def is_empty(self, repository: Response, config: Any) -> Flow[bool]:
        """Whether a repository has no commit yet. `repository` is the response that describes it."""
        raise NotImplementedError

    def path(self, name: str, config: Any) -> str:
        return document_path(f"{config.path_prefix}/", name)

    def subscriptions(self, config: Any) -> tuple[str, ...]:
        return ASSET_EVENTS if config.sync_assets else ()

    def commit_message(self, message: Message, config: Any) -> str:
        """The message of the commit that an event becomes."""
        return commit_message(message, self.message_template(config), config.integration_id)

    def message_template(self, config: Any) -> str:
        # Required checks of a pull request would wait for pipelines that never run.
        is_default = config.pull_request and "commit_message" not in config.model_fields_set
        return "{summary}" if is_default else str(config.commit_message)

    def default_branch(self, repository: Response) -> str:
        """The name of the default branch; empty if there is none yet."""
        return excerpt(field_of(repository, *self.default_branch_path))

    def check_branch(self, config: Any, repository: Response | None = None) -> Flow[Response | None]:
        """The response that describes the branch; None if the repository is empty, so that a commit can create it.

        `repository` is the response that describes the repository, if it is known. Raises NoBranch, or InvalidConfig if
        the branch was renamed.
        """
        response = yield self.request("GET", self.branch_path(config), config)
        where, branch = self.repository_name(config), config.branch
        if response.status == 404:
            repository = repository or (yield from self.send("GET", "", config))
            if (yield from self.is_empty(repository, config)):
                return None
            raise NoBranch(where, branch, self.default_branch(repository))
        if response.status in REDIRECTS:
            found = yield from self._followed(response.headers.get("location", ""), config)
            name = excerpt(field_of(found, "name")) if found else ""
            if name and name != branch:
                sentence = f"Branch {branch} of {where} was renamed to {name}: give the new name."
                raise InvalidConfig(sentence, {"branch": [f"was renamed to {name}"]})
        if not response.ok:
            yield from self.refuse(response, config)
        response.json_object()
        return response

    def refuse(self, response: Response, config: Any) -> Flow[NoReturn]:
        """Raises the error for a status other than 2xx; for a repository that has moved it says where it is now."""
        location = response.headers.get("location", "")
        address = self.moved_address.match(location) if self.moved_address else None
        if response.status in REDIRECTS and address:
            found = yield from self._followed(address[0], config)
            name = excerpt(field_of(found, *self.full_name_path)) if found else ""
            if name:
                sentence = f"{self.repository_name(config)} was renamed or moved and is now {name}: give its new name."
                raise InvalidConfig(sentence, {field: [f"is now part of {name}"] for field in self.name_fields})
        raise self.error(response, config)

    def _followed(self, url: str, config: Any) -> Flow[Response | None]:
        """What is at the address of a redirect, if it is on the same server; None if that is not readable either."""
        if not ADDRESS.fullmatch(url) or not is_same_server(url, self.repository_url(config)):
            return None
        found = yield Request("GET", url, self.headers(config))
        return found if found.ok else None


def decoded(response: Response, *path: str) -> bytes:
    """The decoded base64 under `path` in a JSON response. Raises ConnectionFailed if there is none."""
    try:
        return base64.b64decode(field_of(response, *path))
    except (TypeError, ValueError):
        raise ConnectionFailed(
            f"The answer (HTTP {response.status}) has no valid base64 in {'.'.join(path)}."
        ) from None


def check_size(content: bytes, service: str) -> None:
    """Raises Rejected if the document is too large to be read back."""
    if len(content) > MAX_DOCUMENT_BYTES:
        raise Rejected(
            f"The asset's document is too large for {service}: {len(content)} of {MAX_DOCUMENT_BYTES} bytes."
        )

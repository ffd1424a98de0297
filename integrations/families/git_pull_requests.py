"""Pull-request mode: commits go to a branch of the integration's own, from which a pull request is open. Pure."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, NoReturn

from pydantic import Field

from invenicum.events.message import Message

from ..core.errors import AuthFailed, ConnectionFailed
from ..core.http import Flow, Response
from .documents import Conflict
from .git import NoBranch
from .git_groups import Ends, GroupingConnector

TITLE = "Update assets from Invenicum"
TEXT = (
    "Each commit is the change of an asset in Invenicum. Later changes are added as long as this is open. After it was"
    " merged, the next change opens another one. Closing it without merging drops its changes."
)

PullRequest = Annotated[
    bool,
    Field(description="Whether a pull request into the branch is opened, instead of commits to the branch itself"),
]


class PullRequestConnector(GroupingConnector):
    """A Git platform with pull requests. Its `Config` has `pull_request` too.

    The branch is `invenicum-<integration's id>`. Each pull request starts it again at the tip of `branch`.
    """

    sends = (
        GroupingConnector.sends
        + """
With `pullRequest: true` nothing is committed to `branch` itself: commits go to a branch `invenicum-<id>`, and a pull
request (at GitLab: a merge request) from it into `branch` is open as long as there are changes to merge. Then the
default message has no `[skip ci]`, because required checks would wait for pipelines that never run. Closing the pull
request without merging drops its changes. The first commit to an empty repository is made to `branch` itself.
"""
    )
    pull_request_permission: ClassVar[str]  # what a token needs to manage pull requests: the end of a sentence

    def has_open_request(self, work: str, config: Any) -> Flow[bool]:
        """Whether a pull request from the branch `work` into the configured one is open."""
        raise NotImplementedError

    def start_branch(self, base: Response, config: Any) -> Flow[None]:
        """Creates the branch of `config`, or moves it, to the tip of the branch that `base` describes."""
        raise NotImplementedError

    def open_request(self, work: str, config: Any) -> Flow[None]:
        """Opens the pull request. Succeeds if it is open already, or if there is nothing to merge."""
        raise NotImplementedError

    def keep_once(self, message: Message, config: Any) -> Flow[bool]:
        keep = super().keep_once
        return (yield from self._through_request(lambda config: keep(message, config), config))

    def keep_many_once(self, messages: Sequence[Message], ends: Ends, config: Any) -> Flow[bool]:
        keep = super().keep_many_once
        return (yield from self._through_request(lambda config: keep(messages, ends, config), config))

    def _through_request(self, keep: Callable[[Any], Flow[bool]], config: Any) -> Flow[bool]:
        """Returns what `keep` returns, which commits to the branch of its configuration."""
        if not config.pull_request:
            return (yield from keep(config))
        work = f"invenicum-{config.integration_id}"
        at_work = config.model_copy(update={"branch": work})
        is_open = yield from self.has_open_request(work, config)
        base = None if is_open else (yield from self.check_branch(config))
        if not is_open and base is None:
            return (yield from keep(config))
        closed = Conflict(f"The pull request of {self.repository_name(config)} was closed during the commit.")
        try:
            if base:
                yield from self.start_branch(base, at_work)
            is_changed = yield from keep(at_work)
        except NoBranch:  # it is removed when the pull request is merged, or by somebody while that stays open
            base = (yield from self.check_branch(config)) if is_open else None
            if base:
                yield from self.start_branch(base, at_work)
            raise closed from None
        if is_changed and not is_open:
            yield from self.open_request(work, config)
        elif is_changed and not (yield from self.has_open_request(work, config)):
            raise closed
        return is_changed

    def refuse_request(self, response: Response, config: Any) -> Flow[NoReturn]:
        """Raises the error for a status other than 2xx in answer to a request about pull requests."""
        if response.status == 403:
            where = self.repository_name(config)
            raise AuthFailed(f"The token may not manage pull requests of {where}: {self.pull_request_permission}.")
        yield from self.refuse(response, config)
        raise AssertionError


def listed(response: Response, *path: str) -> list[Any]:
    """The list under `path`. Raises ConnectionFailed if there is none: one cut off must not pass for an empty one."""
    value = response.json()
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, list):
        raise ConnectionFailed(f"The answer (HTTP {response.status}) has no list of pull requests.")
    return value

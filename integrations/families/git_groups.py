"""Git platforms: what happened to several assets is one commit. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from invenicum.events.message import Message
from invenicum.events.names import ASSET_DELETED, ASSET_EVENTS, PING

from ..core.errors import IntegrationError, Rejected
from ..core.http import Flow, Response
from .documents import ABSENT, MAX_CONFLICT_ATTEMPTS, Conflict, Stored, content_of, file_name
from .git import GitConnector, check_size
from .git_commits import group_message

Ends = list[IntegrationError | None]


class GroupingConnector(GitConnector):
    """A Git platform whose API makes one commit of changes of several files: subclasses implement `commit`."""

    # Each file is read before, so that no more fit into the time of a delivery.
    most_at_once = 20

    def commit(
        self,
        changes: Mapping[str, bytes | None],
        found: Mapping[str, Stored],
        message: str,
        config: Any,
        base: Response | None = None,
    ) -> Flow[None]:
        """Makes one commit: `changes` has the new content of each path, None to remove the file.

        `found` is what was read at these paths, `message` the commit's message. `base` describes the branch as it was
        before that, None if it was not asked for. Raises Conflict if the branch or one of the files has changed since.
        """
        raise NotImplementedError

    def read_from(self, base: Response, path: str, config: Any) -> Flow[Stored]:
        """The file at `path` on the branch that `base` describes, or ABSENT."""
        return (yield from self.read(path, config))

    def write(self, path: str, content: bytes, found: Stored | None, message: Message, config: Any) -> Flow[None]:
        check_size(content, self.name)
        text = self.commit_message(message, config)
        yield from self.commit({path: content}, {path: found or ABSENT}, text, config)

    def remove(self, path: str, found: Stored | None, message: Message, config: Any) -> Flow[None]:
        text = self.commit_message(message, config)
        yield from self.commit({path: None}, {path: found or ABSENT}, text, config)

    def deliver_many(self, messages: Sequence[Message], config: Any, now: int) -> Flow[Ends]:
        if any(message.name == PING for message in messages):
            yield from self.test(config)
        for attempt in range(1, MAX_CONFLICT_ATTEMPTS + 1):
            ends: Ends = [None] * len(messages)
            try:
                yield from self.keep_many_once(messages, ends, config)
                return ends
            except Conflict:
                if attempt == MAX_CONFLICT_ATTEMPTS:
                    raise
        raise AssertionError

    def keep_many_once(self, messages: Sequence[Message], ends: Ends, config: Any) -> Flow[bool]:
        """Writes and removes the documents of several events. Returns whether anything has changed at the platform.

        What an event alone is at fault for is put into `ends` at its place. Raises Conflict if the branch or a
        document changes during it: it is then called again.
        """
        base = yield from self.check_branch(config)
        if base is None:  # the first document makes the branch
            return (yield from self._keep_each(messages, ends, config))
        found: dict[str, Stored] = {}
        wanted: dict[str, bytes | None] = {}
        latest: dict[str, Message] = {}
        for index, message in enumerate(messages):
            if message.name not in ASSET_EVENTS:
                continue
            try:
                path = self.path(file_name(message), config)
                if path not in found:
                    found[path] = yield from self.read_from(base, path, config)
                wanted[path] = self._content(message, wanted.get(path, found[path].content), path)
                latest[path] = message
            except Rejected as error:
                ends[index] = error
        changes = {path: content for path, content in wanted.items() if content != found[path].content}
        yield from self._commit_changes(changes, found, latest, config, base)
        return bool(changes)

    def _commit_changes(
        self,
        changes: Mapping[str, bytes | None],
        found: Mapping[str, Stored],
        latest: Mapping[str, Message],
        config: Any,
        base: Response,
    ) -> Flow[None]:
        if len(changes) > 1:
            text = group_message(
                [latest[path] for path in changes], self.message_template(config), config.integration_id
            )
            yield from self.commit(changes, {path: found[path] for path in changes}, text, config, base)
        for path, content in changes.items() if len(changes) == 1 else ():
            if content is None:
                yield from self.remove(path, found[path], latest[path], config)
            else:
                yield from self.write(path, content, found[path], latest[path], config)

    def _content(self, message: Message, current: bytes | None, path: str) -> bytes | None:
        """The document after an event; None if it is removed."""
        if message.name == ASSET_DELETED:
            return None
        content = content_of(message, current, path)
        check_size(content, self.name)
        return content

    def _keep_each(self, messages: Sequence[Message], ends: Ends, config: Any) -> Flow[bool]:
        is_changed = False
        for index, message in enumerate(messages):
            if message.name not in ASSET_EVENTS:
                continue
            try:
                is_changed = (yield from self.keep_once(message, config)) or is_changed
            except Rejected as error:
                ends[index] = error
        return is_changed

"""Connectors that keep one JSON document per asset: storage services and Git platforms. Pure."""

import json
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from pydantic import Field

from invenicum import strict_json
from invenicum.events.message import Message
from invenicum.events.names import ASSET_DELETED, ASSET_EVENTS, ASSET_UPDATED, PING

from ..core.config import ConnectorConfig
from ..core.connector import Connector
from ..core.errors import ConnectionFailed, Rejected
from ..core.http import Flow
from ..core.texts import storable

ASSET_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
MAX_CONFLICT_ATTEMPTS = 3  # in one delivery, if the file or branch changes during it
MAX_READ_BYTES = 64 * 1024  # of a response; the driver cuts off the rest


MAX_INDENTED_CHARACTERS = 32 * 1024  # of a document without its indent
MAX_INDENTED_DEPTH = 10  # of objects and lists in each other
MAX_NESTED_CHANGES = 5_000  # lists and objects that one event adds to a list or removes from it: they are slow
MAX_FIELD_CHANGES = 1_000  # fields that one event changes
_KEYS = json.JSONEncoder(sort_keys=True)


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it is at the provider. `content` is None if it does not exist.

    `version` is the provider's id for this state, such as an ETag, with which a write is refused if the state has
    changed; empty if there is none.
    """

    content: bytes | None
    version: str = ""


ABSENT = Stored(None)


class Conflict(ConnectionFailed):
    """The document has changed since it was read: the connector reads it again and writes again."""


def file_name(message: Message) -> str:
    """`<assetId>.json`. Raises Rejected if the event has no id that can be part of a path."""
    asset_id = message.data.get("assetId")
    if not isinstance(asset_id, str) or not ASSET_ID.fullmatch(asset_id):
        raise Rejected("The event has no assetId of 1 to 100 letters, digits, dots, dashes and underscores.")
    return f"{asset_id}.json"


def document_path(prefix: str, name: str) -> str:
    """`prefix` and `name` concatenated as S3 does it, without empty parts, which Git and Dropbox refuse."""
    return re.sub(r"/{2,}", "/", prefix + name).lstrip("/")


def encode_document(document: Mapping[str, Any]) -> bytes:
    """Indented JSON, because people read it and Git compares lines. The same document gives the same bytes.

    A large or deep document stays on one line: each of its values would have a line, and an indent as wide as it is
    deep. Raises Rejected if it is too deep to be written.
    """
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    except RecursionError:
        raise Rejected("The asset's document is nested too deeply.") from None
    if len(text) <= MAX_INDENTED_CHARACTERS and not _is_deeper(document, MAX_INDENTED_DEPTH):
        text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    return f"{text}\n".encode()


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, Mapping | list):
        return False
    items = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in items)


def updated_document(data: Mapping[str, Any], existing: bytes | None) -> dict[str, Any]:
    """The document at the provider with the changes of an `asset.updated` event applied.

    `data` is the event's data, `existing` the document's bytes. Applying the same changes again changes nothing.
    """
    document: dict[str, Any] = {**_decoded(existing), "assetId": data["assetId"]}
    changes = data.get("changes")
    if isinstance(changes, dict) and len(changes) > MAX_FIELD_CHANGES:
        raise Rejected(f"The event changes more than {MAX_FIELD_CHANGES:,} fields.")
    for name, change in changes.items() if isinstance(changes, dict) else ():
        if name == "assetId" or not isinstance(change, dict):
            continue
        if "new" in change:
            document[name] = change["new"]
        elif "added" in change or "removed" in change:
            document[name] = _changed_list(document.get(name), change)
    if "updatedBy" in data:
        document["updatedBy"] = data["updatedBy"]
    return document


def _decoded(existing: bytes | None) -> dict[str, Any]:
    try:
        document = strict_json.loads_of_stranger(existing or b"{}")
    except ValueError:  # edited by hand and no longer JSON: the next change starts a new document
        return {}
    return storable(document) if isinstance(document, dict) else {}


def _changed_list(current: Any, change: Mapping[str, Any]) -> list[Any]:
    items, added, removed = (
        value if isinstance(value, list) else [] for value in (current, change.get("added"), change.get("removed"))
    )
    for values in (added, removed):
        if sum(isinstance(item, list | dict) for item in values) > MAX_NESTED_CHANGES:
            raise Rejected(f"The event changes a list by more than {MAX_NESTED_CHANGES:,} lists or objects.")
    # By keys in sets: a list may have tens of thousands of items.
    removed_keys = {_key_of(item) for item in removed}
    kept = [item for item in items if _key_of(item) not in removed_keys]
    kept_keys = {_key_of(item) for item in kept}
    return kept + [item for item in added if _key_of(item) not in kept_keys]


def _key_of(item: Any) -> Hashable:
    """Equal for equal JSON values."""
    return ("json", _KEYS.encode(item)) if isinstance(item, list | dict) else cast(Hashable, item)


def content_of(message: Message, current: bytes | None, path: str) -> bytes:
    """The document after an `asset.created` or `asset.updated`; `current` is the one at the provider, at `path`.

    Raises Rejected if the event cannot be applied.
    """
    if message.name != ASSET_UPDATED or message.document is not None:
        return encode_document(message.document or message.data)
    if len(current or b"") >= MAX_READ_BYTES:
        raise Rejected(f"The document at {path} is too large to update.")
    return encode_document(updated_document(message.data, current))


class DocumentConfig(ConnectorConfig):
    """Base of the configurations of document connectors.

    `ordered` is on by default: a late retry of an old event would overwrite the document of a newer one.
    """

    ordered: bool = Field(default=True, description=ConnectorConfig.model_fields["ordered"].description)


class DocumentConnector(Connector):
    """Writes `<pathPrefix><assetId>.json` when an asset changes and removes it with the asset.

    Subclasses implement `read`, `write` and `remove` for one file. If a provider refuses a write because the file is no
    longer in the version that was read, they raise Conflict and are called again.
    """

    sends: ClassVar[str] = """\
`asset.created` and `asset.updated` write the asset as a JSON document to `<pathPrefix><assetId>.json`; `asset.deleted`
removes it. An `asset.updated` that was published from outside says only what changed, so the document at the service is
read, changed and written back; if it has changed in between, this is repeated. Other events are not
sent. A `ping` tests the connection.
"""
    takes_existing = True
    # Whether the file is read before every write, e.g. in order not to commit an empty change.
    reads_first: ClassVar[bool] = False

    def read(self, path: str, config: Any) -> Flow[Stored]:
        """The file at `path`, or ABSENT."""
        raise NotImplementedError

    def write(self, path: str, content: bytes, found: Stored | None, message: Message, config: Any) -> Flow[None]:
        """Creates or overwrites the file. `found` is what `read` returned, None if it was not read."""
        raise NotImplementedError

    def remove(self, path: str, found: Stored | None, message: Message, config: Any) -> Flow[None]:
        """Removes the file. Succeeds if it does not exist."""
        raise NotImplementedError

    def confirm_absence(self, config: Any) -> Flow[None]:
        """Raises the error of a target that looks as if the file did not exist, e.g. because there is no repository."""
        yield from ()

    def path(self, name: str, config: Any) -> str:
        """Where the file `name` is at the provider."""
        return document_path(config.path_prefix, name)

    def deliver(self, message: Message, config: Any, now: int) -> Flow[None]:
        if message.name == PING:
            yield from self.test(config)
        elif message.name in ASSET_EVENTS:
            yield from self._keep(message, config)

    def _keep(self, message: Message, config: Any) -> Flow[bool]:
        for attempt in range(1, MAX_CONFLICT_ATTEMPTS + 1):
            try:
                return (yield from self.keep_once(message, config))
            except Conflict:
                if attempt == MAX_CONFLICT_ATTEMPTS:
                    raise
        raise AssertionError

    def keep_once(self, message: Message, config: Any) -> Flow[bool]:
        """Writes or removes the document of one event. Returns whether anything has changed at the provider.

        Raises Conflict if the document changes during it: it is then called again.
        """
        path = self.path(file_name(message), config)
        # An event published from outside has only the changes: the rest of the document is at the provider.
        merges = message.name == ASSET_UPDATED and message.document is None
        found = (yield from self.read(path, config)) if self.reads_first or merges else None
        if message.name == ASSET_DELETED:
            if found is not None and found.content is None:
                yield from self.confirm_absence(config)
                return False
            yield from self.remove(path, found, message, config)
            return True
        content = content_of(message, found.content if found else None, path)
        if found and found.content == content:
            return False
        yield from self.write(path, content, found, message, config)
        return True

"""The base of every connector. Subclasses are in `integrations/connectors`, a file or a folder each. Pure."""

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from .config import ConnectorConfig
from .http import Flow
from .inbound import Inbound
from .oauth import OAuthSpec


class Category(StrEnum):
    STORAGE = "storage"
    VERSION_CONTROL = "version_control"
    COMMUNICATION = "communication"
    ANALYTICS = "analytics"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class TestResult:
    """A connection that works: a sentence for the user, and facts worth showing."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    message: str
    metadata: dict[str, Any] = field(default_factory=dict)


class Connector:
    """Knows one integration type: declarations, and flows that do no I/O (see `integrations.core.http.Flow`).

    A flow raises a member of `integrations.core.errors` where the service refuses. `endpoints` overrides the
    service's own addresses (the setting `PROVIDER_ENDPOINTS`), keyed as there: `apiUrl`, `tokenUrl`, ….
    """

    type: ClassVar[str]
    name: ClassVar[str]
    category: ClassVar[Category]
    description: ClassVar[str]
    # Markdown: what a user does on the service's side before connecting. Shown on the connector's docs page.
    setup: ClassVar[str] = ""
    # Markdown: what an event becomes at the service. On the same page.
    sends: ClassVar[str] = ""
    oauth: ClassVar[OAuthSpec | None] = None
    Config: ClassVar[builtins.type[ConnectorConfig]]
    # How the service calls us at `/webhooks/<type>`, where it does.
    inbound: ClassVar[Inbound | None] = None
    # The JSON name of the secret that signs what we send, where there is one: it can be shown and rotated.
    signing_secret: ClassVar[str | None] = None
    # How many deliveries to one integration may be under way at once; None where the service does not mind.
    concurrency: ClassVar[int | None] = None

    def __init__(self, endpoints: Mapping[str, str] | None = None):
        self.endpoints = dict(endpoints or {})

    def endpoint(self, name: str, default: str) -> str:
        """The base address called `name`, without a trailing slash."""
        return self.endpoints.get(name, default).rstrip("/")

    def relocated(self, url: str) -> str:
        """A pasted address of the service, moved to the origin that `apiUrl` names where it is overridden."""
        parts = urlsplit(url)
        return self.endpoint("apiUrl", f"{parts.scheme}://{parts.netloc}") + urlunsplit(("", "", *parts[2:]))

    def subscriptions(self, config: Any) -> tuple[str, ...]:
        """The event patterns that an integration with this configuration receives. Uses no secret."""
        return tuple(config.events) if getattr(config, "events", None) is not None else ASSET_EVENTS

    def generated_secrets(self, config: Any) -> dict[str, str]:
        """The secrets to make for a user who gave none, by JSON name. Called on every save."""
        return {}

    def test(self, config: Any) -> Flow[TestResult]:
        """Proves credentials and target without leaving a trace that a person would see."""
        raise NotImplementedError

    def deliver(self, message: Message, config: Any, now: int) -> Flow[None]:
        """Brings one event to the service. Returns when it was taken; doing it twice must do no harm.

        `now` is the time of this try in whole Unix seconds, for signatures and time stamps.
        """
        raise NotImplementedError

    def on_save(self, config: Any, state: Mapping[str, Any]) -> Flow[dict[str, Any]]:
        """Brings the service in line with a saved configuration, e.g. registers a hook.

        `state` is what the last call returned (empty at first); the return value replaces it. May run again
        with the same arguments, and does at the Unix time `renewAt`, where the state has one.
        """
        yield from ()
        return dict(state)

    def on_delete(self, config: Any, state: Mapping[str, Any]) -> Flow[None]:
        """Undoes `on_save`. The service having forgotten already counts as done."""
        yield from ()

"""The base of every connector. Subclasses are in `integrations/connectors`, a file or a folder each. Pure."""

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from .config import ConnectorConfig
from .errors import IntegrationError
from .http import Flow, Request
from .inbound import Inbound
from .oauth import OAuthSpec


class Category(StrEnum):
    """The section of the catalog in which a connector appears."""

    STORAGE = "storage"
    VERSION_CONTROL = "version_control"
    COMMUNICATION = "communication"
    ANALYTICS = "analytics"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class TestResult:
    """A successful test: a sentence for the user, and facts to show with it, such as `{"branch": "main"}`."""

    __test__ = False  # pytest would take the class for tests because of its name

    message: str
    metadata: dict[str, Any] = field(default_factory=dict)


class Connector:
    """Knows one integration type: declarations, and flows that do no I/O (see `integrations.core.http.Flow`).

    Subclasses set the class attributes and implement `test` and `deliver`. A flow raises an error of
    `integrations.core.errors` if the provider refuses a request. `endpoints` replaces the provider's addresses by name
    (`apiUrl`, `tokenUrl`, …): the setting `PROVIDER_ENDPOINTS`.
    """

    type: ClassVar[str]
    name: ClassVar[str]
    category: ClassVar[Category]
    description: ClassVar[str]
    # Markdown for the docs page: what a user does at the provider before connecting.
    setup: ClassVar[str] = ""
    # Markdown for the docs page: what an event becomes at the provider.
    sends: ClassVar[str] = ""
    oauth: ClassVar[OAuthSpec | None] = None
    Config: ClassVar[builtins.type[ConnectorConfig]]
    # How hooks that the provider sends to `/webhooks/<type>` are read; None if it sends none.
    inbound: ClassVar[Inbound | None] = None
    # The JSON name of the secret that signs deliveries, which users can read and rotate; None if there is none.
    signing_secret: ClassVar[str | None] = None
    # How many deliveries to one integration may be in flight at once; None for no limit.
    concurrency: ClassVar[int | None] = None
    # Whether it can be sent the assets that existed before it was connected: one that it has already changes nothing.
    takes_existing: ClassVar[bool] = False
    # How many deliveries `deliver_many` takes at most; one if the connector does not implement it.
    most_at_once: ClassVar[int] = 1
    # Whether `deliver` reads `message.document`: if not, it is None, which saves reading it for each delivery.
    reads_document: ClassVar[bool] = True
    # Whether `deliver` uses `integrations.core.memory`, so that its flow is driven with `with_memory`.
    remembers: ClassVar[bool] = False

    def __init__(self, endpoints: Mapping[str, str] | None = None):
        self.endpoints = dict(endpoints or {})

    def endpoint(self, name: str, default: str) -> str:
        """The base address called `name`, without a trailing slash."""
        return self.endpoints.get(name, default).rstrip("/")

    def self_hosted_addresses(self, server: str) -> Mapping[str, str]:
        """The OAuth endpoints on a server that users host themselves, by name (`tokenUrl`, …).

        `server` is its address without a trailing slash, e.g. `https://git.example.com`.
        """
        return {name: server + path for name, path in self.oauth.self_hosted.items()} if self.oauth else {}

    def relocated(self, url: str) -> str:
        """A pasted address of the provider, moved to the origin of `apiUrl` if that is overridden."""
        parts = urlsplit(url)
        return self.endpoint("apiUrl", f"{parts.scheme}://{parts.netloc}") + urlunsplit(("", "", *parts[2:]))

    def subscriptions(self, config: Any) -> tuple[str, ...]:
        """The event patterns that an integration with this configuration receives, such as `("asset.*",)`.

        Uses no secret of `config`, so that secrets need not be decrypted for it.
        """
        return tuple(config.events) if getattr(config, "events", None) is not None else ASSET_EVENTS

    def generated_secrets(self, config: Any) -> dict[str, str]:
        """New values for secrets that the user did not give, by JSON name. Called on every save, test and rotation."""
        return {}

    def notice(self, public: Mapping[str, Any], now: datetime) -> str:
        """A sentence for the owner of an active integration about what will fail soon; empty if nothing is known.

        `public` is the configuration by JSON name, without secrets. Called whenever the integration is shown.
        """
        return ""

    def test(self, config: Any) -> Flow[TestResult]:
        """Checks credentials and target without leaving anything behind that people would see.

        Raises an error of `integrations.core.errors` that tells the user what to do.
        """
        raise NotImplementedError

    def deliver(self, message: Message, config: Any, now: int) -> Flow[float | None]:
        """Delivers one event. Returns when the provider has accepted it; delivering it twice must do no harm.

        `now` is the time of this attempt in whole Unix seconds, for signatures and timestamps. Returns None, or for how
        many seconds the provider takes no other event of this integration, e.g. 0.8.
        """
        raise NotImplementedError

    def deliver_many(
        self, messages: Sequence[Message], config: Any, now: int
    ) -> Flow[Sequence[IntegrationError | None]]:
        """Delivers several events, at least two and at most `most_at_once`, in fewer requests than one for each.

        They are given in the order in which they are due; if the integration is ordered, no two are of the same asset.
        Returns for each message, in the same order, None if it was accepted, or the error with which it was not:
        `[None, Rejected("…"), None]`. Raises an error if that is true of all. If the event is at fault (Rejected) or
        the flow fails with any other exception, each of them is delivered again by `deliver`, to find the one that
        is refused. `now` is as in `deliver`. Only events that have never been tried are delivered together.
        """
        raise NotImplementedError

    def only_reads(self, request: Request, config: Any) -> bool:
        """Whether a request of `deliver` changes nothing at the service: a preview looks for the first that does."""
        return request.method in ("GET", "HEAD")

    def on_save(self, config: Any, state: Mapping[str, Any]) -> Flow[dict[str, Any]]:
        """Brings the provider in line with a saved configuration, e.g. registers a webhook.

        `state` is what the last call returned (empty at first); the return value replaces it. May run again with the
        same arguments, and does so at the Unix time `renewAt` if the state has one.
        """
        yield from ()
        return dict(state)

    def on_delete(self, config: Any, state: Mapping[str, Any]) -> Flow[None]:
        """Undoes `on_save`. Succeeds if nothing is left to undo at the provider."""
        yield from ()

"""What a connector declares about the hooks that its provider sends to us. Pure: `webhooks.inbound` acts on it.

A hook goes one way through an `Inbound`: `answer_handshake`, `keys_named_in`, then `open` for each integration that may
be meant. What `open` returns is ready to be stored and published.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any, ClassVar
from urllib.parse import parse_qs

from invenicum import strict_json

from .payloads import bounded
from .texts import storable

MAX_UNVERIFIED_BODY_BYTES = 2 * 1024 * 1024  # what is parsed as JSON before a signature is verified
MAX_HANDSHAKE_BODY_BYTES = 16 * 1024  # what is read of a request without a signature, for providers with a handshake
MAX_KEYS_PER_REQUEST = 200
MAX_KEY_LENGTH = 255
MAX_EVENT_NAME_LENGTH = 100
MAX_DELIVERY_ID_LENGTH = 200
MAX_FORM_FIELDS = 100
MAX_TITLE_LENGTH = 500
MAX_URL_LENGTH = 2000


class InvalidSignature(Exception):
    """No secret of the integration verifies the request."""


class Unreadable(Exception):
    """The request is authentic, but its content cannot be understood. The text says why, for the provider's log."""


@dataclass(frozen=True, slots=True)
class HookResponse:
    """The HTTP response that a provider expects, if it does not accept the API's own."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """An event in the provider's words, as `Inbound.read` returns it.

    `event_type` is the provider's name for it, such as `pull_request` or `repo:push`. `delivery_id` is the same when
    the provider repeats the delivery. `title` is one line for people and `url` the page about it; both may be empty.
    `is_echo` marks an event that only repeats another one, or reports our own change: it is stored and not published.
    `connection_end`: the event says that the provider ended the connection to what it names in its keys.
    """

    event_type: str
    delivery_id: str
    payload: Mapping[str, Any]
    title: str = ""
    url: str = ""
    is_echo: bool = False
    connection_end: "ConnectionEnd | None" = None


@dataclass(frozen=True, slots=True)
class ConnectionEnd:
    """The provider ended a connection `at` this Unix time: that of its app with the id `app_id`, e.g. `A0KRD7HC3`.

    `app_id` is empty if the provider does not name it.
    """

    at: float
    app_id: str = ""


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An authentic event, ready to be stored and published: what `Inbound.open` returns.

    `name` is ours, such as `github.pull_request`, of at most MAX_EVENT_NAME_LENGTH characters. `delivery_id` is
    printable and has at most MAX_DELIVERY_ID_LENGTH characters. `payload` has at most MAX_PAYLOAD_BYTES bytes of JSON
    that every database can store; `is_truncated` says that parts of it were left out to fit. `title` is cut to
    MAX_TITLE_LENGTH, and an address longer than MAX_URL_LENGTH is left out. The rest is as in ProviderEvent.
    """

    name: str
    delivery_id: str
    payload: Mapping[str, Any]
    title: str
    url: str
    is_truncated: bool
    is_echo: bool
    connection_end: ConnectionEnd | None = None

    @classmethod
    def of(cls, integration_type: str, event: ProviderEvent) -> "ReceivedEvent":
        """`event` with its name and within our limits."""
        payload, is_truncated = bounded(event.payload)
        return cls(
            name=event_name(integration_type, event.event_type),
            delivery_id=_storable_id(event.delivery_id),
            payload=payload,
            title=event.title[:MAX_TITLE_LENGTH],
            url=event.url if len(event.url) <= MAX_URL_LENGTH else "",
            is_truncated=is_truncated,
            is_echo=event.is_echo,
            connection_end=event.connection_end,
        )


@dataclass(frozen=True)
class InboundRequest:
    """One request as it was received. Header names are lower case; `now` is the time of receipt in Unix seconds."""

    headers: Mapping[str, str]
    body: bytes
    now: float
    query: Mapping[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str:
        """The value of the header `name` (in lower case), empty if it is absent."""
        return self.headers.get(name, "").strip()

    @cached_property
    def payload(self) -> dict[str, Any]:
        """The JSON object in the body, or in the field `payload` of a form. Raises Unreadable."""
        text = self.body
        try:
            if self.header("content-type").startswith("application/x-www-form-urlencoded"):
                text = parse_qs(text.decode(), max_num_fields=MAX_FORM_FIELDS).get("payload", [""])[0].encode()
            value = strict_json.loads_of_stranger(text)
        except ValueError:
            raise Unreadable("The body is not acceptable JSON.") from None
        if not isinstance(value, dict):
            raise Unreadable("The body is JSON, but not an object.")
        return value

    @property
    def digest(self) -> str:
        """The SHA-256 of the body in hexadecimal: the delivery id if the provider sends none."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def may_be_parsed_unverified(self) -> bool:
        """Whether the body is small enough to be parsed before its signature is verified."""
        return len(self.body) <= MAX_UNVERIFIED_BODY_BYTES


class Inbound:
    """How a provider's hooks are matched, verified and read. Each connector's `inbound` is an instance of a subclass.

    Subclasses set `proof_headers`, and implement `keys_of`, `keys_in`, `is_authentic` and `read`, and `handshake` if
    the provider has one.
    Everywhere, `config` is the connector's `Config` and `state` what its `on_save` last returned.
    """

    # Markdown for the docs page: what a user does so that the provider calls us, and which events are published.
    setup: ClassVar[str] = ""
    # The response to an event that was taken; None for the API's own, 202.
    accepted: ClassVar[HookResponse | None] = None
    # If the provider signs with one secret for all accounts of the operator's app: the name of the setting that holds
    # it, or `client` for the app's OAuth client secret.
    app_secret: ClassVar[str] = ""
    # In lower case, the headers of which an authentic request has at least one: its signature, or a shared secret.
    proof_headers: ClassVar[tuple[str, ...]]

    def has_proof(self, headers: Mapping[str, str]) -> bool:
        """Whether a request with these headers (names in lower case) may be authentic: its body is worth reading."""
        return any(headers.get(name, "").strip() for name in self.proof_headers)

    def answer_handshake(self, request: InboundRequest) -> HookResponse | None:
        """The answer to a provider that checks the address before it uses it; None if the request is no such check."""
        if not request.may_be_parsed_unverified:
            return None
        try:
            return self.handshake(request)
        except Unreadable:
            return None

    def keys_named_in(self, request: InboundRequest) -> tuple[str, ...]:
        """What the request says it is about, such as `("my-org/asset-repo",)`, to look up in what `keys_of` returned.

        At most MAX_KEYS_PER_REQUEST storable texts of at most MAX_KEY_LENGTH characters; none if the body is unreadable
        or too large to be parsed yet.
        """
        if not request.may_be_parsed_unverified:
            return ()
        try:
            keys = (storable(key) for key in self.keys_in(request) if 0 < len(key) <= MAX_KEY_LENGTH)
            return tuple(islice(keys, MAX_KEYS_PER_REQUEST))
        except Unreadable:
            return ()

    def open(
        self,
        request: InboundRequest,
        integration_type: str,
        config: Any,
        state: Mapping[str, Any],
        app_secret: str = "",
    ) -> ReceivedEvent | HookResponse:
        """Verifies the request for one integration and reads its event.

        `integration_type` is the first part of the event's name. `app_secret` is the operator's secret, if it may
        verify requests for this integration. Returns a HookResponse for an authentic request without an event, e.g. a
        ping. Raises InvalidSignature, or Unreadable for an authentic request that makes no sense.
        """
        if not self.is_authentic(request, config, app_secret):
            raise InvalidSignature
        event = self.read(request, state)
        if isinstance(event, HookResponse):
            return event
        if self.is_own_change(event, config):
            event = replace(event, is_echo=True)
        if event.connection_end and not self._is_about(request, config, state):
            event = replace(event, connection_end=None)
        return ReceivedEvent.of(integration_type, event)

    def _is_about(self, request: InboundRequest, config: Any, state: Mapping[str, Any]) -> bool:
        """Whether the request is about what the integration is connected to, as far as that is known."""
        known = self.keys_of(config, state)
        return not known or not set(known).isdisjoint(self.keys_in(request))

    def handshake(self, request: InboundRequest) -> HookResponse | None:
        """As `answer_handshake`, without its limits. May raise Unreadable."""
        return None

    def keys_of(self, config: Any, state: Mapping[str, Any]) -> tuple[str, ...]:
        """The provider's names for what the integration is connected to, e.g. `("my-org/asset-repo",)`.

        They let a request that was sent to `/webhooks/<type>` find the integration without its id.
        """
        raise NotImplementedError

    def keys_in(self, request: InboundRequest) -> tuple[str, ...]:
        """As `keys_named_in`, without its limits; empty texts are ignored. May raise Unreadable."""
        raise NotImplementedError

    def is_authentic(self, request: InboundRequest, config: Any, app_secret: str) -> bool:
        """Whether a secret of the integration or `app_secret` verifies the request. Either may be missing."""
        raise NotImplementedError

    def is_own_change(self, event: ProviderEvent, config: Any) -> bool:
        """Whether the event only reports what this integration did itself: it is then treated as an echo."""
        return False

    def read(self, request: InboundRequest, state: Mapping[str, Any]) -> ProviderEvent | HookResponse:
        """The event in an authentic request, or the answer to one without an event. May raise Unreadable."""
        raise NotImplementedError


def event_name(integration_type: str, event_type: str) -> str:
    """`github.pull_request` for GitHub's `pull_request`, `bitbucket.repo.push` for Bitbucket's `repo:push`."""
    parts = [re.sub(r"[^a-z0-9]+", "_", part).strip("_") for part in re.split(r"[.:]", event_type.lower())]
    return ".".join([integration_type, *filter(None, parts)])[:MAX_EVENT_NAME_LENGTH].rstrip("._")


def _storable_id(delivery_id: str) -> str:
    if delivery_id.isprintable() and len(delivery_id) <= MAX_DELIVERY_ID_LENGTH:
        return delivery_id
    return hashlib.sha256(delivery_id.encode(errors="replace")).hexdigest()

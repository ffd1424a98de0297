import os
import resource
from dataclasses import dataclass, field

import certifi
from django.conf import settings

from .policy import Network

RESERVED_FILE_DESCRIPTORS = 100  # for everything but outgoing connections
MOST_CONNECTIONS = 100_000  # however many files may be open


def _certificates() -> str:
    return os.environ.get("SSL_CERT_FILE") or certifi.where()


def _connections() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return min(max(files - RESERVED_FILE_DESCRIPTORS, 1), MOST_CONNECTIONS)


@dataclass(frozen=True)
class Options:
    """The policy of a driver. Times are in seconds, `body_limit` is in bytes."""

    timeout: float = 15.0
    connect_timeout: float = 5.0
    body_limit: int = 64 * 1024
    # At most open at once, including idle ones. Further requests wait, and the waiting counts towards their timeout.
    connections: int = field(default_factory=_connections)
    allow: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset()  # allowed besides those that always are
    lookup_timeout: float = 4.0  # of a name; it counts towards `timeout`
    proxy: str = ""
    # If True, only the proxy looks names up, and it has to judge their addresses: this service judges none but those
    # that are written in a URL.
    proxy_resolves: bool = False
    certificates: str = field(default_factory=_certificates)

    @classmethod
    def from_settings(cls) -> "Options":
        """The options that the environment sets: DELIVERY_TIMEOUT, and those that begin with EGRESS_."""
        return cls(
            timeout=settings.DELIVERY_TIMEOUT,
            allow=settings.EGRESS_ALLOW,
            ports=settings.EGRESS_PORTS,
            lookup_timeout=settings.EGRESS_DNS_TIMEOUT,
            proxy=settings.EGRESS_PROXY,
            proxy_resolves=settings.EGRESS_PROXY_RESOLVES,
        )

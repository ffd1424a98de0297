import os
import resource
from dataclasses import dataclass, field

import certifi
from django.conf import settings

from .policy import Network

FILES_FOR_THE_REST = 100


def _certificates() -> str:
    return os.environ.get("SSL_CERT_FILE") or certifi.where()


def _connections() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2000 if files == resource.RLIM_INFINITY else min(2000, max(files - FILES_FOR_THE_REST, 1))


@dataclass(frozen=True)
class Options:
    """The policy of a driver, in seconds and bytes."""

    timeout: float = 15.0
    connect_timeout: float = 5.0
    body_limit: int = 64 * 1024
    # Open at once, idle ones included. What goes beyond waits, and its time runs.
    connections: int = field(default_factory=_connections)
    allow: tuple[Network, ...] = ()
    # A proxy decides itself which addresses may be reached: here only the form of a URL is checked then.
    proxy: str = ""
    certificates: str = field(default_factory=_certificates)

    @classmethod
    def from_settings(cls) -> "Options":
        return cls(timeout=settings.DELIVERY_TIMEOUT, allow=settings.EGRESS_ALLOW, proxy=settings.EGRESS_PROXY)

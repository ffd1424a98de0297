"""The addresses at which an app may get its code from a browser (RFC 8252, section 7; RFC 9700, section 2.1). Pure."""

import re
from urllib.parse import urlsplit

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
ADDRESS_MAX_CHARACTERS = 2000
PLAIN_ADDRESS = re.compile(r"[!-\[\]-~]*")  # visible ASCII without the backslash, which browsers read as a slash
HOST_SOURCE = re.compile(r"[A-Za-z0-9.-]+")  # the hosts that a Content-Security-Policy can name


def is_plain_address(address: str) -> bool:
    """Whether a browser takes `address` as it is: another one it repairs, possibly into one of another origin."""
    return len(address) <= ADDRESS_MAX_CHARACTERS and PLAIN_ADDRESS.fullmatch(address) is not None


def redirect_uri_refusal(uri: str) -> str | None:
    """Why `uri` cannot be an app's redirect URI, as the end of a sentence: "must not have a fragment"; None if it can.

    https is allowed, http for a loopback host only, and a scheme of the app's own if it is a reversed domain name, such
    as `com.example.app:/signed-in`, which two apps do not share by chance.
    """
    if not is_plain_address(uri):
        return "must be an address without blanks and backslashes"
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "must be an address"
    if "#" in uri:
        return "must not have a fragment"
    if "@" in parts.netloc or "*" in parts.netloc:
        return "must not have a user or a wildcard in its host"
    match parts.scheme:
        case "https":
            return None if host else "must have a host"
        case "http":
            return None if host in LOOPBACK_HOSTS else "must begin with https, unless its host is 127.0.0.1 or [::1]"
        case scheme if "." in scheme:
            return None
    return "must begin with https, or with a scheme such as com.example.app"


def content_source(uri: str) -> str:
    """The source in a Content-Security-Policy that lets a form end at `uri`: `https://app.example.com`."""
    parts = urlsplit(uri)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not HOST_SOURCE.fullmatch(host):
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{host}:{parts.port}" if parts.port else f"{parts.scheme}://{host}"

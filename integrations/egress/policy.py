"""Which addresses may be reached, and which URLs are acceptable. Pure."""

import ipaddress
import re
import socket
from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import quote, urlsplit, urlunsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# https://www.iana.org/assignments/iana-ipv4-special-registry
_CLOSED_IPV4 = {
    IPv4Network("0.0.0.0/8"): "an unspecified address",
    IPv4Network("10.0.0.0/8"): "a private address",
    IPv4Network("100.64.0.0/10"): "an address inside a provider's network",
    IPv4Network("127.0.0.0/8"): "a loopback address",
    IPv4Network("168.63.129.16/32"): "a cloud platform's own address",  # Azure's host, seen from its machines
    IPv4Network("169.254.0.0/16"): "a link-local address",
    IPv4Network("172.16.0.0/12"): "a private address",
    IPv4Network("192.0.0.0/24"): "a reserved address",
    IPv4Network("192.0.2.0/24"): "a documentation address",
    IPv4Network("192.88.99.0/24"): "a tunnel's address",
    IPv4Network("192.168.0.0/16"): "a private address",
    IPv4Network("198.18.0.0/15"): "a benchmarking address",
    IPv4Network("198.51.100.0/24"): "a documentation address",
    IPv4Network("203.0.113.0/24"): "a documentation address",
    IPv4Network("224.0.0.0/4"): "a multicast address",
    IPv4Network("255.255.255.255/32"): "a broadcast address",
    IPv4Network("240.0.0.0/4"): "a reserved address",
}
# https://www.iana.org/assignments/iana-ipv6-special-registry
_CLOSED_IPV6 = {
    IPv6Network("::/128"): "an unspecified address",
    IPv6Network("::1/128"): "a loopback address",
    IPv6Network("::/96"): "an address with an IPv4 address inside",
    IPv6Network("64:ff9b:1::/48"): "a translator's local address",
    IPv6Network("2001::/32"): "a tunnel's address",  # Teredo: a server and a client inside
    IPv6Network("2001::/23"): "a reserved address",
    IPv6Network("2001:db8::/32"): "a documentation address",
    IPv6Network("2002::/16"): "a tunnel's address",  # 6to4: any IPv4 address inside
    IPv6Network("3fff::/20"): "a documentation address",
    IPv6Network("fc00::/7"): "a private address",
    IPv6Network("fe80::/10"): "a link-local address",
    IPv6Network("fec0::/10"): "a site-local address",
    IPv6Network("ff00::/8"): "a multicast address",
}
_MAPPED = IPv6Network("::ffff:0:0/96")
_TRANSLATED = IPv6Network("64:ff9b::/96")
# The only IPv6 space from which globally routable unicast addresses have been assigned (RFC 4291, 2.4).
_GLOBAL_UNICAST = IPv6Network("2000::/3")

_DEFAULT_PORTS = {"http": 80, "https": 443}
# Below it are the ports of mail, remote shells, directories and the like, which must not be sent anything by users.
FIRST_UNPRIVILEGED_PORT = 1024

# What two readers of a URL agree on to be a host: other characters may end it for one of them.
_HOST = re.compile(r"[0-9A-Za-z._-]{1,255}|[0-9A-Fa-f:.]{2,45}")


@lru_cache(maxsize=10_000)
def closed_because(address: str, allow: Collection[Network] = ()) -> str | None:
    """Why `address` may not be reached, such as "a private address"; None if it may be reached.

    Globally routable unicast addresses may be reached, and those in the networks of `allow`. A text that is not an
    address may not.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "not an internet address"
    if parsed in _MAPPED:  # the system connects to the IPv4 address inside
        parsed = _embedded(parsed)
    if any(parsed in network for network in allow):
        return None
    return _closed_because(parsed)


def url_problem(url: str) -> str | None:
    """Why `url` is not acceptable, as the end of a sentence; None if it is acceptable."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a valid address"
    if parts.scheme not in _DEFAULT_PORTS:
        return "does not begin with http:// or https://"
    if not parts.hostname or port == 0 or any(character.isspace() or not character.isprintable() for character in url):
        return "is not a valid address"
    if "@" in parts.netloc:
        return "has a user name or password in it, which is not sent"
    return None


def port_problem(port: int | None, ports: Collection[int] = ()) -> str | None:
    """Why `port` may not be used, as the end of a sentence; None if it may, as the default ports of http and https,
    those from 1024 on, and those of `ports`.
    """
    if port is None or port >= FIRST_UNPRIVILEGED_PORT or port in _DEFAULT_PORTS.values() or port in ports:
        return None
    return (
        f"uses port {port}, which is not allowed; 80, 443 and the ports from {FIRST_UNPRIVILEGED_PORT} on are, and the "
        "operator of this service can allow others with EGRESS_PORTS"
    )


def host_and_port(url: str) -> tuple[str, int]:
    """The host of an ASCII URL in lower case, without brackets, and its port. Raises ValueError if it is not certain
    that a proxy or libcurl would read the same ones.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not _HOST.fullmatch(host) or "@" in parts.netloc or parts.scheme not in _DEFAULT_PORTS:
        raise ValueError
    return host, parts.port or _DEFAULT_PORTS[parts.scheme]


def literal_address(host: str) -> str | None:
    """The address that `host` spells, e.g. "127.0.0.1" for `127.1`, `0x7f.1`, `2130706433` and `localhost`.

    None for a name that has to be looked up. `localhost` and names below it mean this machine (RFC 6761, 6.3).
    """
    host = host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return "127.0.0.1"
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, ValueError):
        return host if ":" in host else None


def ascii_url(url: str) -> str:
    """`url` in ASCII: its host in punycode, the rest percent-encoded. Raises ValueError for a host that has none."""
    if url.isascii():
        return url
    parts = urlsplit(url)
    netloc = parts.netloc.encode("idna").decode()  # raises UnicodeError, a ValueError
    path, query = (quote(part, safe="/?:@!$&'()*+,;=%~-._[]") for part in (parts.path, parts.query))
    return urlunsplit((parts.scheme, netloc, path, query, ""))


def origin(url: str) -> str:
    """Scheme, host and port of `url`, for messages: path, query and user name may be secret."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        return "the address"
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{port}")


def _closed_because(address: Address) -> str | None:
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _CLOSED_IPV4.items() if address in network), None)
    if address in _TRANSLATED:
        return _closed_because(_embedded(address))
    kind = next((kind for network, kind in _CLOSED_IPV6.items() if address in network), None)
    return kind or (None if address in _GLOBAL_UNICAST else "a reserved address")


def _embedded(address: Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)

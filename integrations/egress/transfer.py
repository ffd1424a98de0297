"""One easy handle of libcurl: takes a request, gives a response."""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

import pycurl

from invenicum.version import USER_AGENT

from ..core.errors import NotSendable, TransportError
from ..core.http import Request, Response
from ..core.identity import TlsIdentity
from .failures import unacceptable
from .options import Options
from .policy import ascii_url, host_and_port, literal_address

MAX_HEADER_BYTES = 64 * 1024
# How often libcurl may ask for the same request: it forgets addresses while the request waits for a free connection.
MAX_LOOKUPS_OF_REQUEST = 10
_ADDRESSES_LIFETIME_SECONDS = 60  # in libcurl, for the one request

# pycurl has no names for these: https://curl.se/libcurl/c/symbols-in-versions.html
_SUPPRESS_CONNECT_HEADERS = 265
_DISALLOW_USERNAME_IN_URL = 278

_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# They frame the message: a wrong value could make the next request on the connection part of this one.
_FRAMING_HEADERS = frozenset(
    {"connection", "keep-alive", "proxy-connection", "content-length", "transfer-encoding"}
) | {
    "expect",
    "te",
    "trailer",
    "upgrade",
}


class Transfer:
    """A handle for one request after the other, of different users: `prepare` sets everything that differs."""

    __slots__ = (
        "_body",
        "_body_limit",
        "_headers",
        "_lookups",
        "_method",
        "_milliseconds",
        "_tls",
        "curl",
        "needs_lookup",
        "refusal",
        "url",
    )

    def __init__(self, options: Options):
        self.curl = pycurl.Curl()
        self.url = ""
        self.refusal: str | None = None
        self.needs_lookup = False
        self._lookups = 0
        self._headers: list[bytes] = []
        self._body = bytearray()
        self._body_limit = options.body_limit
        self._method = ""
        self._milliseconds = 0
        self._tls: TlsIdentity | None = None
        self._set_policy(options)

    def prepare(self, request: Request, seconds: float) -> None:
        """Sets up the handle for `request`, with a timeout in seconds. Raises TransportError if it must not be sent."""
        curl, method = self.curl, request.method
        self.url = request.url
        self.refusal = None
        self._headers.clear()
        self._body.clear()
        self.limit(seconds)
        if self._lookups:
            curl.unsetopt(pycurl.RESOLVE)
            curl.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
            self._lookups = 0
        self.needs_lookup = False
        try:
            curl.setopt(pycurl.URL, ascii_url(request.url))
        except ValueError:
            raise unacceptable(request.url) from None
        curl.setopt(pycurl.HTTPHEADER, header_lines(request))
        if request.tls is not self._tls:
            self._identify(request.tls)
        if method != self._method:
            if not _TOKEN.fullmatch(method):
                raise NotSendable("The method of a request must be a single word.")
            curl.setopt(pycurl.NOBODY, method == "HEAD")
            curl.setopt(pycurl.CUSTOMREQUEST, method)
            self._method = method
        if request.body or method in _BODY_METHODS:
            curl.setopt(pycurl.POSTFIELDS, request.body)
        elif method != "HEAD":
            curl.setopt(pycurl.HTTPGET, 1)

    def _identify(self, tls: TlsIdentity | None) -> None:
        """Sets the certificates of one integration, and unsets those of another.

        libcurl takes a connection from its pool only for the same certificates, key and authorities. It remembers no
        session of theirs, so that none is resumed with others:
        https://curl.se/libcurl/c/CURLOPT_SSL_SESSIONID_CACHE.html
        """
        curl, given = self.curl, tls or TlsIdentity()
        self._tls = TlsIdentity()  # of no integration, until all of them are set
        for option, value in (
            (pycurl.SSLCERT_BLOB, given.chain),
            (pycurl.SSLKEY_BLOB, given.key),
            (pycurl.CAINFO_BLOB, given.authorities),
        ):
            if value:
                curl.setopt(option, value)
            else:
                curl.unsetopt(option)
        curl.setopt(pycurl.SSL_SESSIONID_CACHE, int(tls is None))
        self._tls = tls

    def limit(self, seconds: float) -> None:
        """Sets how long the request may take from now on."""
        milliseconds = max(round(seconds * 1000), 1)  # 0 would mean no timeout
        if milliseconds != self._milliseconds:
            self.curl.setopt(pycurl.TIMEOUT_MS, milliseconds)
            self._milliseconds = milliseconds

    def host_and_port(self) -> tuple[str, int]:
        """Of the request's URL. Raises TransportError for a host that may be read in two ways."""
        try:
            return host_and_port(ascii_url(self.url))
        except ValueError:
            raise unacceptable(self.url) from None

    def connect_to(self, addresses: Collection[str]) -> None:
        """Gives libcurl the addresses of the host, for this request only."""
        host, port = self.host_and_port()
        shown = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
        self.curl.setopt(pycurl.RESOLVE, [f"+{host}:{port}:{shown}"])
        self.curl.setopt(pycurl.DNS_CACHE_TIMEOUT, _ADDRESSES_LIFETIME_SECONDS)
        self._lookups += 1
        self.needs_lookup = False

    def response(self) -> Response:
        """The response of the request that has ended, its body cut off at `body_limit`."""
        status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        return Response(status, ResponseHeaders(b"".join(self._headers)), bytes(self._body[: self._body_limit]))

    def read_enough(self, code: int) -> bool:
        """Whether libcurl's error `code` only says that reading stopped at `body_limit`."""
        return bool(code == pycurl.E_WRITE_ERROR) and len(self._body) > self._body_limit

    def _set_policy(self, options: Options) -> None:
        curl = self.curl
        body, limit = self._body, options.body_limit

        def write(chunk: bytes) -> int | None:
            body.extend(chunk)
            return 0 if len(body) > limit else None  # 0 ends the transfer

        curl.setopt(pycurl.WRITEFUNCTION, write)
        curl.setopt(pycurl.HEADERFUNCTION, self._headers.append)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(_DISALLOW_USERNAME_IN_URL, 1)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.NETRC, pycurl.NETRC_IGNORED)
        # Set even if empty: otherwise libcurl reads the proxy from the environment.
        curl.setopt(pycurl.PROXY, options.proxy)
        curl.setopt(pycurl.NOPROXY, "")
        curl.setopt(_SUPPRESS_CONNECT_HEADERS, 1)
        # Over HTTP/2 all requests to a host would share one connection, and one failure would fail them all.
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.HTTP_CONTENT_DECODING, 0)
        curl.setopt(pycurl.USERAGENT, USER_AGENT)
        if not options.proxy:
            curl.setopt(pycurl.RESOLVER_START_FUNCTION, self._begin_lookup)
        # Connections that are kept alive need no lookup, and libcurl scans its whole DNS cache after every transfer.
        curl.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, round(options.connect_timeout * 1000))
        curl.setopt(pycurl.CAINFO, options.certificates)
        curl.unsetopt(pycurl.CAPATH)  # with a directory, libcurl would read all certificates for each connection
        curl.setopt(pycurl.SSL_VERIFYPEER, 1)
        curl.setopt(pycurl.SSL_VERIFYHOST, 2)
        curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)

    def _begin_lookup(self, *_: object) -> int:
        """Called by libcurl when it needs the addresses of a host: refuses (1) to look a name up in its own threads."""
        try:
            is_name = literal_address(self.host_and_port()[0]) is None
        except TransportError:
            return 1
        self.needs_lookup = is_name and self._lookups < MAX_LOOKUPS_OF_REQUEST
        return int(is_name)


class ResponseHeaders(Mapping[str, str]):
    """Response headers by lower-case name, parsed on first access. Repeated headers are joined with commas."""

    __slots__ = ("_lines", "_parsed")

    def __init__(self, lines: bytes):
        self._lines = lines
        self._parsed: dict[str, str] | None = None

    def __getitem__(self, name: str) -> str:
        return self._parse()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parse())

    def __len__(self) -> int:
        return len(self._parse())

    def __repr__(self) -> str:
        return repr(self._parse())

    def _parse(self) -> dict[str, str]:
        if self._parsed is None:
            self._parsed = {}
            for line in self._lines[:MAX_HEADER_BYTES].decode("latin-1").split("\r\n"):
                name, colon, value = line.partition(":")
                name, value = name.strip().lower(), value.strip()
                if line.startswith("HTTP/"):  # the headers so far belong to an interim response (100, 103)
                    self._parsed.clear()
                elif colon:
                    self._parsed[name] = f"{self._parsed[name]}, {value}" if name in self._parsed else value
        return self._parsed


def header_lines(request: Request) -> list[str] | list[bytes]:
    """The request's headers as libcurl takes them. Raises TransportError if one contains a line break."""
    values = request.headers.values()
    prefixes, own = _prefixes(tuple(request.headers))
    lines = [prefix + value for prefix, value in zip(prefixes, values, strict=True)]
    text = "".join(values)
    if "\n" in text or "\r" in text or "\0" in text:
        raise NotSendable("A header's value must not contain a line break.")
    if text.isascii() and all(values):
        return lines + own
    # For libcurl, "Name:" removes a header and "Name;" is a header without a value.
    lines = [
        prefix + value if value.strip() else prefix.replace(": ", ";")
        for prefix, value in zip(prefixes, values, strict=True)
    ]
    return [line.encode() for line in lines + own]


@lru_cache(maxsize=1000)
def _prefixes(names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The start of each header line, and the lines that keep libcurl from adding headers of its own."""
    lower = [name.lower() for name in names]
    for name in names:
        if not _TOKEN.fullmatch(name) or name.lower() in _FRAMING_HEADERS:
            raise NotSendable(f"The header {name[:100]!r} cannot be sent.")
    return [f"{name}: " for name in names], ["Expect:"] + ([] if "content-type" in lower else ["Content-Type:"])

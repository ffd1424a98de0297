"""One easy handle of libcurl: takes a request, gives a response."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

import pycurl

from invenicum.version import USER_AGENT

from ..core.http import Request, Response
from .failures import unacceptable, unsendable
from .options import Options
from .policy import ascii_url

MAX_HEADER_BYTES = 64 * 1024

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

    __slots__ = ("_body", "_body_limit", "_headers", "_method", "_milliseconds", "closed_because", "curl", "url")

    def __init__(self, options: Options):
        self.curl = pycurl.Curl()
        self.url = ""
        self.closed_because: str | None = None
        self._headers: list[bytes] = []
        self._body = bytearray()
        self._body_limit = options.body_limit
        self._method = ""
        self._milliseconds = 0
        self._set_policy(options)

    def prepare(self, request: Request, seconds: float) -> None:
        """Sets up the handle for `request`, with a timeout in seconds. Raises TransportError if it must not be sent."""
        curl, method = self.curl, request.method
        self.url = request.url
        self.closed_because = None
        self._headers.clear()
        self._body.clear()
        milliseconds = max(round(seconds * 1000), 1)  # 0 would mean no timeout
        if milliseconds != self._milliseconds:
            curl.setopt(pycurl.TIMEOUT_MS, milliseconds)
            self._milliseconds = milliseconds
        try:
            curl.setopt(pycurl.URL, ascii_url(request.url))
        except ValueError:
            raise unacceptable(request.url) from None
        curl.setopt(pycurl.HTTPHEADER, header_lines(request))
        if method != self._method:
            if not _TOKEN.fullmatch(method):
                raise unsendable("The method of a request must be a single word.")
            curl.setopt(pycurl.NOBODY, method == "HEAD")
            curl.setopt(pycurl.CUSTOMREQUEST, method)
            self._method = method
        if request.body or method in _BODY_METHODS:
            curl.setopt(pycurl.POSTFIELDS, request.body)
        elif method != "HEAD":
            curl.setopt(pycurl.HTTPGET, 1)

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
        # Connections that are kept alive need no lookup, and libcurl scans its whole DNS cache after every transfer.
        curl.setopt(pycurl.DNS_CACHE_TIMEOUT, 0)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, round(options.connect_timeout * 1000))
        curl.setopt(pycurl.CAINFO, options.certificates)
        curl.unsetopt(pycurl.CAPATH)  # with a directory, libcurl would read all certificates for each connection
        curl.setopt(pycurl.SSL_VERIFYPEER, 1)
        curl.setopt(pycurl.SSL_VERIFYHOST, 2)
        curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)


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
        raise unsendable("A header's value must not contain a line break.")
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
            raise unsendable(f"The header {name[:100]!r} cannot be sent.")
    return [f"{name}: " for name in names], ["Expect:"] + ([] if "content-type" in lower else ["Content-Type:"])

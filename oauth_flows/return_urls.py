"""`returnUrl`: the page of the app, or the app itself, that a browser goes back to in the end. Pure.

`OAUTH_RETURN_ORIGINS` lists origins (`https://app.example.com`), custom schemes (`invenicum://`: any address of this
scheme) and custom schemes with a host (`invenicum://oauth`: any address of this host).
"""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode, urlsplit

from invenicum.accounts.redirect_uris import is_plain_address

from .protocol import is_safe

WEB_SCHEMES = frozenset({"http", "https"})
# Schemes that a browser or the system handles itself: none of them opens an app that was installed for its scheme.
RESERVED_SCHEMES = WEB_SCHEMES | {
    *("about", "blob", "chrome", "chrome-extension", "content", "data", "file", "filesystem", "ftp", "geo", "intent"),
    *("javascript", "mailto", "market", "sms", "tel", "urn", "vbscript", "view-source", "ws", "wss"),
}
CUSTOM_SCHEME = r"[a-z][a-z0-9+.-]*"


def is_allowed_return(url: str, origins: Iterable[str]) -> bool:
    """Whether a browser may be sent to `url`: its origin is one of `origins`, character by character.

    A custom scheme in `origins` allows every address of that scheme.
    """
    if not is_plain_address(url):
        return False
    try:
        parts = urlsplit(url)
        has_user = parts.username is not None
    except ValueError:
        return False
    allowed = {origin.rstrip("/") for origin in origins}
    is_of_scheme = f"{parts.scheme}:" in allowed and is_custom_scheme(parts.scheme)
    return not has_user and (is_of_scheme or f"{parts.scheme}://{parts.netloc}" in allowed)


def is_return_origin(origin: str) -> bool:
    """Whether an entry of `OAUTH_RETURN_ORIGINS` can be one: an origin with TLS or of this machine, or the scheme of an
    app with or without a host."""
    parts = urlsplit(origin.rstrip("/"))
    is_of_app = is_custom_scheme(parts.scheme) and origin.startswith(f"{parts.scheme}://")
    is_plain = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    return is_plain and (is_of_app or is_safe(origin))


def is_custom_scheme(scheme: str) -> bool:
    """Whether an app can be installed for this scheme, e.g. `invenicum` or `com.example.app` (RFC 8252, 7.1)."""
    return re.fullmatch(CUSTOM_SCHEME, scheme) is not None and scheme not in RESERVED_SCHEMES


def custom_schemes(origins: Iterable[str]) -> list[str]:
    """The custom schemes in `origins`, e.g. `["invenicum"]`."""
    schemes = (origin.partition(":")[0] for origin in origins)
    return [scheme for scheme in schemes if is_custom_scheme(scheme)]


def web_origins(origins: Iterable[str]) -> list[str]:
    """Those of `origins` that a page can have, and a message be sent to."""
    return [origin for origin in origins if origin.partition(":")[0] in WEB_SCHEMES]


def with_outcome(url: str, status: str, integration_type: str, result: str = "") -> str:
    """`url` with `status` (`connected`, `unconfirmed` or `failed`) and `type` in its query, in place of values that it
    has for them; also with `result`, if there is one."""
    outcome = {"status": status, "type": integration_type} | ({"result": result} if result else {})
    # Not by urlunsplit, which writes `invenicum:///` without its slashes.
    address, _, fragment = url.partition("#")
    address, _, query = address.partition("?")
    pairs = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] not in outcome]
    return f"{address}?{urlencode([*pairs, *outcome.items()])}" + (f"#{fragment}" if fragment else "")

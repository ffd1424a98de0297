"""`returnUrl`: the page of the app that a browser goes back to in the end. Pure."""

from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

RETURN_URL_MAX_CHARACTERS = 2000


def is_allowed_return(url: str, origins: Iterable[str]) -> bool:
    """Whether a browser may be sent to `url`: its origin is one of `origins`, character by character."""
    # A browser repairs a malformed address, possibly into one of another origin.
    if len(url) > RETURN_URL_MAX_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
        has_user = parts.username is not None
    except ValueError:
        return False
    return not has_user and f"{parts.scheme}://{parts.netloc}" in {origin.rstrip("/") for origin in origins}


def with_outcome(url: str, status: str, integration_type: str) -> str:
    """`url` with `status` (`connected` or `failed`) and `type` in its query, in place of values it has for them."""
    parts, outcome = urlsplit(url), {"status": status, "type": integration_type}
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in outcome]
    return urlunsplit(parts._replace(query=urlencode([*query, *outcome.items()])))

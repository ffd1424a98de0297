"""Reads providers' responses: waits, excerpts, values in JSON, and the error that a status means to most. Pure."""

import re
import time
from email.utils import parsedate_to_datetime
from typing import Any

from .errors import AuthFailed, ConnectionFailed, Gone, IntegrationError, RateLimited, Rejected, bounded_wait
from .http import Response
from .texts import cut, one_line

MIN_RESET_SECONDS = 1.0
MAX_EXCERPT_LENGTH = 200
# The address in `Link: <https://api.example.com/hooks?page=2>; rel="next"`, among those for other pages.
NEXT_LINK = re.compile(r'<([\x21-\x3b\x3d\x3f-\x7e]{1,2000})>; ?rel="next"')


def retry_after(response: Response) -> float | None:
    """The seconds to wait according to `Retry-After` (RFC 9110, 10.2.3), at most a day; None if absent or invalid.

    A date is compared with this machine's clock.
    """
    value = response.headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return bounded_wait(seconds)


def reset_after(response: Response, header: str) -> float | None:
    """The seconds until the Unix time in `header`, from 1 second to a day; None if it is absent or invalid."""
    try:
        wait = bounded_wait(float(response.headers.get(header, "")) - time.time())
    except ValueError:
        return None
    return None if wait is None else max(wait, MIN_RESET_SECONDS)


def next_link(response: Response) -> str:
    """The address of a list's next page according to `Link` (RFC 8288), `rel="next"`; empty on the last page."""
    found = NEXT_LINK.search(response.headers.get("link", ""))
    return found[1] if found else ""


def excerpt(value: object, limit: int = MAX_EXCERPT_LENGTH) -> str:
    """A provider's text as one line of at most `limit` characters, with a `…` if cut; empty if it is not a text."""
    return cut(one_line(value), limit) if isinstance(value, str) else ""


def field_of(response: Response, *path: str) -> Any:
    """The value under `path` in a JSON response; None if there is none, or the body is not JSON."""
    try:
        value = response.json()
    except ConnectionFailed:
        return None
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def objects_at(response: Response, *path: str) -> list[dict[str, Any]]:
    """The objects in the list under `path` in a JSON response; `[]` if there is no such list."""
    items = field_of(response, *path)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def text_at(response: Response, *path: str) -> str:
    """The text or number under `path` in a JSON response, as text. Raises ConnectionFailed if there is none."""
    value = field_of(response, *path)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ConnectionFailed(f"The answer (HTTP {response.status}) has no {'.'.join(path)}.")
    return str(value)


def error_for(response: Response, service: str, detail: str = "") -> IntegrationError:
    """The error for a status other than 2xx, as most providers mean it.

    `service` is the provider's name at the start of the message; `detail` is the provider's own message, if any.
    """
    status = response.status
    suffix = f" ({detail})" if detail else ""
    wait = retry_after(response)
    if status in (401, 403):
        return AuthFailed(f"{service} refused the credentials: HTTP {status}{suffix}.", retry_after=wait)
    if status == 410:
        return Gone(f"{service} says that this address is gone for good: HTTP 410{suffix}.")
    if status == 429:
        return RateLimited(f"{service} asks to slow down: HTTP 429{suffix}.", retry_after=wait)
    if status == 413:
        return Rejected(f"{service} refused the request as too large: HTTP 413{suffix}.")
    if 300 <= status < 400:
        return ConnectionFailed(f"{service} answered with a redirect (HTTP {status}), which is never followed.")
    return ConnectionFailed(f"{service} answered HTTP {status}{suffix}.", retry_after=wait)

"""From a service's answer to the error family: what most services have in common. Pure."""

import time
from email.utils import parsedate_to_datetime
from typing import Any

from .errors import AuthFailed, ConnectionFailed, Gone, IntegrationError, RateLimited, Rejected
from .http import Response
from .texts import one_line

MAX_RETRY_AFTER = 86_400.0  # a day


def retry_after(response: Response) -> float | None:
    """The seconds that `Retry-After` asks to wait (RFC 9110, 10.2.3), at most a day; None where it says nothing."""
    value = response.headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER) if seconds == seconds else None


def reset_after(response: Response, header: str) -> float | None:
    """The seconds until the Unix time that a rate limit's `header` names, at most a day."""
    try:
        return min(max(float(response.headers.get(header, "")) - time.time(), 1.0), MAX_RETRY_AFTER)
    except ValueError:
        return None


def excerpt(value: object, limit: int = 200) -> str:
    """What a service said of itself, as one short line: empty where that is not text."""
    return one_line(value)[:limit] if isinstance(value, str) else ""


def field_of(response: Response, *path: str) -> Any:
    """The value under `path` in a JSON answer; None where there is none, or no JSON."""
    try:
        value = response.json()
    except ConnectionFailed:
        return None
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def objects_at(response: Response, *path: str) -> list[dict[str, Any]]:
    """The objects in the list under `path` in a JSON answer; none where there is no such list."""
    items = field_of(response, *path)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def text_at(response: Response, *path: str) -> str:
    """The text or number under `path` in a JSON answer, as text. Raises ConnectionFailed where there is none."""
    value = field_of(response, *path)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ConnectionFailed(f"The answer (HTTP {response.status}) has no {'.'.join(path)}.")
    return str(value)


def error_for(response: Response, service: str, detail: str = "") -> IntegrationError:
    """The error that a status other than 2xx stands for. `detail` is the service's own word, if it gave one."""
    status = response.status
    said = f" ({detail})" if detail else ""
    wait = retry_after(response)
    if status in (401, 403):
        return AuthFailed(f"{service} refused the credentials: HTTP {status}{said}.", retry_after=wait)
    if status == 410:
        return Gone(f"{service} says that this address is gone for good: HTTP 410{said}.")
    if status == 429:
        return RateLimited(f"{service} asks to slow down: HTTP 429{said}.", retry_after=wait)
    if status == 413:
        return Rejected(f"{service} refused the request as too large: HTTP 413{said}.")
    if 300 <= status < 400:
        return ConnectionFailed(f"{service} answered with a redirect (HTTP {status}), which is never followed.")
    return ConnectionFailed(f"{service} answered HTTP {status}{said}.", retry_after=wait)

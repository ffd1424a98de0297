"""Times as people say them: `2 min ago`, `in 4 min`. Pure."""

from datetime import datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400  # seconds


def relative(moment: datetime, now: datetime) -> str:
    """`just now`, `2 min ago`, `3 h ago`, `5 days ago`, `in 4 min`; from a month on the date, `3 March 2026`."""
    seconds = (now - moment).total_seconds()
    distance = _distance(abs(seconds))
    if distance is None:
        return f"{moment.day} {moment:%B %Y}"
    if not distance:
        return "just now" if seconds >= 0 else "in a moment"
    return f"{distance} ago" if seconds >= 0 else f"in {distance}"


def exact(moment: datetime) -> str:
    """`2026-03-07 10:30:00 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _distance(seconds: float) -> str | None:
    if seconds < 45:
        return ""
    if seconds < 59.5 * _MINUTE:
        return f"{max(round(seconds / _MINUTE), 1)} min"
    if seconds < 23.5 * _HOUR:
        return f"{max(round(seconds / _HOUR), 1)} h"
    days = max(round(seconds / _DAY), 1)
    if days <= 30:
        return "1 day" if days == 1 else f"{days} days"
    return None

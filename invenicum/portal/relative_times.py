"""Times as people say them: `2 min ago`, `in 4 min`."""

from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400  # seconds


def relative(moment: datetime, now: datetime) -> str:
    """`just now`, `2 min ago`, `3 h ago`, `5 days ago`, `in 4 min`; from a month on the date, `3 March 2026`."""
    seconds = (now - moment).total_seconds()
    is_past, distance = seconds >= 0, abs(seconds)
    if distance < 45:
        return _("just now") if is_past else _("in a moment")
    if distance < 59.5 * _MINUTE:
        return (_("%(number)d min ago") if is_past else _("in %(number)d min")) % _number(distance / _MINUTE)
    if distance < 23.5 * _HOUR:
        return (_("%(number)d h ago") if is_past else _("in %(number)d h")) % _number(distance / _HOUR)
    days = _number(distance / _DAY)
    if days["number"] > 30:
        return day(moment)
    if is_past:
        return ngettext("%(number)d day ago", "%(number)d days ago", days["number"]) % days
    return ngettext("in %(number)d day", "in %(number)d days", days["number"]) % days


def day(moment: datetime) -> str:
    """`3 March 2026`."""
    # Translators: a format of Django, https://docs.djangoproject.com/en/5.2/ref/templates/builtins/#date
    return date_format(moment, pgettext("format of a date", "j F Y"))


def exact(moment: datetime) -> str:
    """`2026-03-07 10:30:00 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _number(value: float) -> dict[str, int]:
    return {"number": max(round(value), 1)}

"""The tries of a delivery on a time axis: those that were made, and those that are planned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from invenicum.plots import Try
from webhooks.models import Attempt

from .delivery_words import attempt_words
from .relative_times import relative

SHOWN_PLANNED = 3  # of those that come after the next one


def made(attempts: Sequence[Attempt], now: datetime) -> list[Try]:
    """The tries that were made, oldest first."""
    return [
        Try(
            attempt.started_at,
            clock(attempt.started_at, now, seconds=True),
            "· " + attempt_words(attempt.status_code, attempt.error_class, attempt.duration_ms),
            attempt.error,
            "bad" if attempt.error_class or attempt.error else "good",
        )
        for attempt in attempts
    ]


def planned(due_at: datetime, count: int, schedule: Sequence[float], now: datetime) -> list[Try]:
    """The next try, and in one line those that follow if it fails too.

    due_at: when the next one is. count: how many of the schedule were made. schedule: the delay before each, in
    seconds. The last line ends with when it would be given up.
    """
    words = _("planned, %(when)s") % {"when": relative(due_at, now)} if due_at > now else _("is being sent now")
    tries = [Try(due_at, clock(due_at, now), words, is_planned=True)]
    moment, later = max(due_at, now), list[datetime]()
    for delay in schedule[count + 1 :]:
        moment += timedelta(seconds=delay)
        later.append(moment)
    if later:
        first = ", ".join(clock(one, now) for one in later[:SHOWN_PLANNED])
        if len(later) > SHOWN_PLANNED:
            texts = {"times": first, "last": clock(later[-1], now)}
            first = _("%(times)s, … until %(last)s") % texts
        tries.append(Try(later[0], "", first, is_planned=True))
    return tries


def clock(moment: datetime, now: datetime, *, seconds: bool = False) -> str:
    """`14:02:11` today, `7 Mar, 14:02` on other days, in UTC."""
    time = f"{moment:%H:%M:%S}" if seconds else f"{moment:%H:%M}"
    if moment.date() == now.date():
        return time
    # Translators: a format of Django, https://docs.djangoproject.com/en/5.2/ref/templates/builtins/#date
    return f"{date_format(moment, pgettext('format of a date without its year', 'j M'))}, {time}"

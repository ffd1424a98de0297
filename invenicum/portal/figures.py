"""The figures of an integration's last 24 hours: sparkline, plots, and numbers as people write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from invenicum.plots import Axis, Drawing, Plot, Series, bars, lines, sparkline
from webhooks.hourly_sums import Sum, together

from .numbers import count

SHOWN_HOURS = 24
Write = Callable[[float], str]


def duration(milliseconds: float) -> str:
    """`47 ms`, `0.8 s`, `12 s`."""
    if milliseconds < 100:
        return _("%(number)s ms") % {"number": count(milliseconds)}
    places = 0 if milliseconds >= 10_000 else 1
    seconds = round(milliseconds / 1000, places)  # number_format cuts digits off
    return _("%(number)s s") % {"number": number_format(seconds, places, use_l10n=True)}


def spark(hours: Sequence[Sum]) -> Drawing:
    """The small bars of a card."""
    return sparkline(_deliveries(hours), _words(hours))


def deliveries_plot(hours: Sequence[Sum]) -> Plot:
    """Delivered and failed tries by hour."""
    return bars(_deliveries(hours), _axis(hours, _words(hours), _an_hour, count))


def answers_plot(hours: Sequence[Sum]) -> Plot:
    """Within how long 95 of 100 tries were answered, by hour."""
    p95 = Series(_("95 of 100 answered within"), "accent", [one.p95_ms for one in hours], _p95(together(hours)))
    words = _("Within how long the service answered 95 of 100 deliveries, by hour")
    return lines([p95], _axis(hours, words, duration, duration))


def _deliveries(hours: Sequence[Sum]) -> list[Series]:
    total = together(hours)
    return [
        Series(_("delivered"), "good", [one.delivered for one in hours], count(total.delivered)),
        Series(_("failed tries"), "bad", [one.failed for one in hours], count(total.failed)),
    ]


def _axis(hours: Sequence[Sum], words: str, scale: Write, write: Write) -> Axis:
    steps = [f"{one.start:%H:%M}" for one in hours]
    ago = _("%(number)s h ago")
    ticks = [ago % {"number": len(hours)}, ago % {"number": len(hours) // 2}, _("now")]
    return Axis(steps, _("Hour (UTC)"), ticks, words, scale, write)


def _words(hours: Sequence[Sum]) -> str:
    total = together(hours)
    figures = {"delivered": count(total.delivered), "failed": count(total.failed)}
    return _("Last 24 hours: %(delivered)s delivered, %(failed)s failed tries") % figures


def _an_hour(value: float) -> str:
    return _("%(number)s an hour") % {"number": count(value)}


def _p95(total: Sum) -> str:
    return "" if total.p95_ms is None else duration(total.p95_ms)

"""The overview's plots and figures, from samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from invenicum.plots import Axis, Plot, Series, Tone, bars, lines, write_count
from webhooks.engine.metrics import LATENCY_SECONDS

from . import timeline
from .models import Sample
from .timeline import Step

MINUTE, HOUR, DAY = 60, 3600, 86_400  # seconds
CLASSES_SHOWN = 4  # error classes with a color of their own
CLASS_TONES: tuple[Tone, ...] = ("bad", "warn", "accent", "good", "rest")


@dataclass(frozen=True, slots=True)
class Span:
    """A range of time that the overview can show: `steps` steps of `length`, from samples of `period`."""

    name: str
    words: str | Promise
    period: Sample.Period
    length: timedelta
    steps: int

    @property
    def whole(self) -> timedelta:
        return self.length * self.steps


SPANS = (
    Span("1h", _("1 h"), Sample.Period.MINUTE, timedelta(minutes=1), 60),
    Span("8h", _("8 h"), Sample.Period.MINUTE, timedelta(minutes=10), 48),
    Span("24h", _("24 h"), Sample.Period.QUARTER_HOUR, timedelta(minutes=30), 48),
    Span("14d", _("14 d"), Sample.Period.QUARTER_HOUR, timedelta(hours=6), 56),
)
USUAL_SPAN = SPANS[1]


def span_of(name: str) -> Span:
    """The span of this name; the usual one if there is none."""
    return next((span for span in SPANS if span.name == name), USUAL_SPAN)


def write_seconds(value: float) -> str:
    """`0.04 s`, `9 s`, `12 min`, `3.5 h`, `2 d`."""
    if value < 10:
        return f"{value:.2g} s" if value else "0 s"
    for unit, seconds, limit in (("s", 1, 2 * MINUTE), ("min", MINUTE, 2 * HOUR), ("h", HOUR, 2 * DAY)):
        if value < limit:
            return f"{value / seconds:.2g} {unit}" if value / seconds < 10 else f"{value / seconds:.0f} {unit}"
    return f"{value / DAY:.2g} d"


def make_plots(samples: Sequence[Sample], span: Span, now: datetime) -> list[tuple[str, Plot]]:
    """Titles and plots of a span, from the samples of its period since it began and the one before."""
    steps = timeline.steps(samples, now, span.length, span.steps)

    def axis(words: str, scale: Callable[[float], str], write: Callable[[float], str] = write_count) -> Axis:
        return _axis(span, steps, words, scale, write)

    def in_step(top: float) -> str:
        return f"{write_count(top)} {_step_words(span.length)}"

    oldest = Series(gettext("oldest"), "accent", [step.oldest_seconds for step in steps])
    circuits = Series(gettext("open"), "bad", [step.circuits_open for step in steps])
    return [
        (gettext("Attempts by outcome"), bars(_outcomes(steps), axis(gettext("Attempts by outcome"), in_step))),
        (gettext("Event to wire"), lines(_latency(steps), axis(gettext("Latency"), write_seconds, write_seconds))),
        (gettext("Errors by class"), bars(_errors(steps), axis(gettext("Errors by class"), in_step))),
        (gettext("Queue by state"), lines(_queue(steps), axis(gettext("Undelivered, by state"), write_count))),
        (
            gettext("Oldest undelivered"),
            lines([oldest], axis(gettext("Age of the oldest undelivered"), write_seconds, write_seconds)),
        ),
        (
            gettext("Open circuits"),
            lines([circuits], axis(gettext("Integrations whose circuit is open"), write_count)),
        ),
    ]


def _outcomes(steps: Sequence[Step]) -> list[Series]:
    kinds: tuple[tuple[str, str, Tone], ...] = (
        ("failed", gettext("given up"), "bad"),
        ("retried", gettext("failed, tried again"), "warn"),
        ("delivered", gettext("delivered"), "good"),
    )
    return [_counted(words, tone, [step.outcomes[kind] for step in steps]) for kind, words, tone in kinds]


def _errors(steps: Sequence[Step]) -> list[Series]:
    totals: Counter[str] = Counter()
    for step in steps:
        totals.update(step.errors)
    shown = [name for name, count in totals.most_common(CLASSES_SHOWN) if count]
    series = [
        _counted(name, tone, [step.errors[name] for step in steps])
        for name, tone in zip(shown, CLASS_TONES, strict=False)
    ]
    rest = [sum(number for name, number in step.errors.items() if name not in shown) for step in steps]
    if any(rest):
        series.append(_counted(gettext("others"), CLASS_TONES[-1], rest))
    return series or [_counted(gettext("errors"), "bad", rest)]


def _latency(steps: Sequence[Step]) -> list[Series]:
    shares: tuple[tuple[str, float, Tone], ...] = (("p99", 0.99, "warn"), ("p95", 0.95, "accent"), ("p50", 0.5, "good"))
    return [
        Series(name, tone, [timeline.percentile(step.latency, LATENCY_SECONDS, share) for step in steps])
        for name, share, tone in shares
    ]


def _queue(steps: Sequence[Step]) -> list[Series]:
    return [
        Series(gettext("due"), "accent", [step.due for step in steps]),
        Series(gettext("tried later"), "warn", [step.later for step in steps]),
        Series(gettext("held"), "bad", [step.held for step in steps]),
        Series(gettext("waiting for their integration"), "rest", [step.waiting for step in steps]),
    ]


def _counted(words: str, tone: Tone, values: Sequence[int]) -> Series:
    return Series(words, tone, values, write_count(sum(values)))


def _axis(
    span: Span, steps: Sequence[Step], words: str, scale: Callable[[float], str], write: Callable[[float], str]
) -> Axis:
    names = [_moment(step.begins, span) for step in steps]
    ticks = [names[0], names[len(names) // 2], gettext("now")]
    return Axis(names, gettext("From (UTC)"), ticks, f"{words}, {span.words}", scale, write)


def _step_words(length: timedelta) -> str:
    minutes = round(length.total_seconds() / MINUTE)
    if minutes < 60:
        return ngettext("a minute", "in %(minutes)s min", minutes) % {"minutes": minutes}
    return gettext("in %(hours)s h") % {"hours": minutes // 60}


def _moment(moment: datetime, span: Span) -> str:
    return f"{moment.day} {moment:%b %H:%M}" if span.whole > timedelta(days=1) else f"{moment:%H:%M}"

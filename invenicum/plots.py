"""Drawings of figures as SVG, each with the rows of its table. Pure: templates get plain values, without Django.

A drawing fills the width that it is given, so it has no text of its own: `templates/plots/plot.html` writes scale,
times and legend beside it, and the table behind a disclosure. Colors come from classes of `portal/plots.css`, because
the content policy allows no styles in a page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Literal

Tone = Literal["good", "warn", "bad", "rest", "accent"]
Value = float | None  # None: not known, for example the latency of an hour without deliveries

STEP_UNITS = 10  # the width of a step in a drawing, whose height is HEIGHT_UNITS; the page stretches both
BAR_UNITS = 8
HEIGHT_UNITS = 100
LEAST_BAR_UNITS = 3  # of a value above 0, so that one failure among thousands is seen
EMPTY_BAR_UNITS = 2
UNKNOWN = "–"
_ROUND_TOPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
_ROUND_COUNTS = (1, 2, 4, 6, 8, 10)  # below ten, so that half of it is a whole number too


class Drawing(str):
    """Markup that templates do not escape: the texts in it are escaped already."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def write_count(value: float) -> str:
    """`1,204`."""
    return f"{value:,.0f}"


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a plot, or one color of its bars.

    name: in the legend and in the table, e.g. `delivered`. tone: its color. values: one for each step, oldest first.
    total: the text beside the name in the legend, e.g. `1,204`; may be empty.
    """

    name: str
    tone: Tone
    values: Sequence[Value]
    total: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a plot's table: the step, and the text of each series."""

    step: str
    texts: list[str]


@dataclass(frozen=True, slots=True)
class Plot:
    """What `plots/plot.html` shows.

    scale: what the upper grid line stands for, with its unit, e.g. `120 an hour`; the lower one is half of it.
    ticks: texts below the drawing at equal distances, from its left to its right end.
    """

    drawing: Drawing
    scale: str
    ticks: Sequence[str]
    series: Sequence[Series]
    rows: list[Row]
    step_name: str


@dataclass(frozen=True, slots=True)
class Axis:
    """The steps of a plot and its texts.

    steps: the name of each step, e.g. `14:00`. step_name: what they are, e.g. `Hour`. ticks: see `Plot`.
    words: what the plot shows, for those who cannot see it, e.g. `Deliveries of the last 24 hours`.
    scale: writes the value of the upper grid line with its unit. write: writes a value of the table.
    """

    steps: Sequence[str]
    step_name: str
    ticks: Sequence[str]
    words: str
    scale: Callable[[float], str] = write_count
    write: Callable[[float], str] = write_count


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a delivery on the time axis of `plots/tries.html`, which has `tries`, a list of these.

    moment: when it was, or is planned. label: that time as the page writes it, e.g. `14:02:11`. words: what happened,
    e.g. `HTTP 503 after 0.21 s`. detail: a second line, e.g. what the service answered. is_planned: drawn hollow.
    """

    moment: datetime
    label: str
    words: str = ""
    detail: str = ""
    tone: Tone = "rest"
    is_planned: bool = field(default=False, kw_only=True)


def sparkline(series: Sequence[Series], words: str) -> Drawing:
    """Small stacked bars without texts, e.g. of 24 hours. The last of `series` is at the bottom.

    words: what it says, for those who cannot see it, e.g. `1,204 delivered and 9 failed within 24 hours`.
    """
    stacks = _stacks(series)
    top = max(map(sum, stacks), default=0)
    columns = "".join(_column(step, stack, series, top) for step, stack in enumerate(stacks))
    return _svg("spark", len(stacks) * STEP_UNITS, words, columns)


def bars(series: Sequence[Series], axis: Axis) -> Plot:
    """Stacked bars, one for each step, the last of `series` at the bottom. A step's values show on hover."""
    stacks = _stacks(series)
    top = round_top(max(map(sum, stacks), default=0))
    rows = _rows(series, axis)
    columns = (
        _column(step, stack, series, top, _title(row, series))
        for step, (stack, row) in enumerate(zip(stacks, rows, strict=True))
    )
    width = len(stacks) * STEP_UNITS
    drawing = _svg("bars", width, axis.words, _grid(width) + "".join(columns))
    return Plot(drawing, axis.scale(top), axis.ticks, series, rows, axis.step_name)


def lines(series: Sequence[Series], axis: Axis) -> Plot:
    """A line for each of `series`, all on one scale. A line has gaps where a value is None."""
    known = [value for one in series for value in one.values if value is not None]
    top = round_top(max(known, default=0))
    width = max(max((len(one.values) for one in series), default=0) - 1, 1) * STEP_UNITS
    paths = "".join(_path(one, top) for one in series)
    drawing = _svg("lines", width, axis.words, _grid(width) + paths)
    return Plot(drawing, axis.scale(top), axis.ticks, series, _rows(series, axis), axis.step_name)


def round_top(value: float) -> float:
    """The end of a scale that has room for a value: 97 gives 100, 0.33 gives 0.4, 0 gives 1."""
    if value <= 0:
        return 1
    power = 10.0 ** math.floor(math.log10(value))
    digits = next(top for top in (_ROUND_COUNTS if power == 1 else _ROUND_TOPS) if top * power >= value * (1 - 1e-9))
    return float(f"{digits * power:.6g}")


def _stacks(series: Sequence[Series]) -> list[list[float]]:
    return [[value or 0 for value in step] for step in zip(*(one.values for one in series), strict=True)]


def _column(step: int, stack: Sequence[float], series: Sequence[Series], top: float, title: str = "") -> str:
    """The bars of one step; a thin one if there is nothing, so that the step is seen."""
    bottom = float(HEIGHT_UNITS)
    parts = [title and f"<title>{escape(title)}</title>"]
    for value, one in zip(reversed(stack), reversed(series), strict=True):
        if value > 0:
            height = max(value / top * HEIGHT_UNITS, LEAST_BAR_UNITS)
            bottom = max(bottom - height, 0)
            parts.append(_bar(one.tone, step, bottom, height))
    if not any(stack):
        parts.append(_bar("none", step, HEIGHT_UNITS - EMPTY_BAR_UNITS, EMPTY_BAR_UNITS))
    return f"<g>{''.join(parts)}</g>" if title else "".join(parts)


def _bar(tone: str, step: int, y: float, height: float) -> str:
    x = step * STEP_UNITS + (STEP_UNITS - BAR_UNITS) / 2
    return f'<rect class="{tone}" x="{x:g}" y="{y:.4g}" width="{BAR_UNITS}" height="{height:.4g}"/>'


def _path(series: Series, top: float) -> str:
    """The line through the values that are known, and dots for those between two gaps: lines without length."""
    points = [
        None if value is None else f"{step * STEP_UNITS} {HEIGHT_UNITS - value / top * HEIGHT_UNITS:.4g}"
        for step, value in enumerate(series.values)
    ]
    line, dots = [], []
    for before, point, after in zip([None, *points], points, [*points[1:], None], strict=False):
        if point and (before or after):
            line.append(f"{'L' if before else 'M'}{point}")
        elif point:
            dots.append(f"M{point}h0")
    return "".join(
        f'<path class="{names}" d="{"".join(drawn)}"/>'
        for names, drawn in ((series.tone, line), (f"{series.tone} dot", dots))
        if drawn
    )


def _grid(width: int) -> str:
    return "".join(f'<path class="grid" d="M0 {y}H{width}"/>' for y in (0, HEIGHT_UNITS // 2, HEIGHT_UNITS))


def _svg(kind: str, width: int, words: str, content: str) -> Drawing:
    view = f'viewBox="0 0 {max(width, 1)} {HEIGHT_UNITS}" preserveAspectRatio="none"'
    return Drawing(f'<svg class="drawing {kind}" role="img" aria-label="{escape(words)}" {view}>{content}</svg>')


def _rows(series: Sequence[Series], axis: Axis) -> list[Row]:
    columns = zip(axis.steps, *(one.values for one in series), strict=True)
    return [
        Row(str(step), [UNKNOWN if value is None else axis.write(value) for value in values])
        for step, *values in columns
    ]


def _title(row: Row, series: Sequence[Series]) -> str:
    return f"{row.step}: " + ", ".join(f"{one.name} {text}" for one, text in zip(series, row.texts, strict=True))

"""The size of a run, and the results of a section."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")


class Size(StrEnum):
    """How long a run takes: a quick check, some twenty minutes, or as long as it needs."""

    QUICK = "quick"
    DEFAULT = "default"
    FULL = "full"

    def of(self, quick: T, default: T, full: T) -> T:
        return {Size.QUICK: quick, Size.DEFAULT: default, Size.FULL: full}[self]


@dataclass
class Table:
    title: str
    columns: list[str]
    rows: list[list[str | float]] = field(default_factory=list)


@dataclass
class Target:
    """A target and its measured value."""

    what: str
    wanted: str
    measured: str
    met: bool


@dataclass
class Chart:
    """Horizontal bars, from top to bottom."""

    title: str
    unit: str
    bars: dict[str, float]


@dataclass
class Result:
    tables: list[Table] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def percentile(values: list[float], share: float) -> float:
    """The value below which that share of `values` lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]

"""The results of a run: tables for people, JSON and a plot."""

import json
import os
import platform
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from bench import processor
from bench.shapes import Chart, Result, Size, Table, Target

console = Console(width=None if os.isatty(1) else 150)


def machine() -> dict[str, str | float]:
    """The machine that the figures were measured on."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "processor": processor.model(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "receiver": "nginx" if shutil.which("nginx") else "event loop in Python",
        "load": os.getloadavg()[0],
    }


def show_machine(facts: dict[str, str | float]) -> None:
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()), style="dim", highlight=False)


def show(title: str, result: Result) -> None:
    console.rule(title)
    for table in result.tables:
        _show_table(table)
    for note in result.notes:
        console.print(note, style="dim", highlight=False)


def show_targets(targets: list[Target]) -> None:
    table = Table("Targets", ["", "wanted", "measured", ""])
    table.rows = [[one.what, one.wanted, one.measured, "met" if one.met else "MISSED"] for one in targets]
    _show_table(table)


def write(folder: Path, facts: dict[str, str | float], size: Size, results: dict[str, Result]) -> None:
    """Writes `results.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {"machine": facts, "size": size, "sections": {name: asdict(result) for name, result in results.items()}}
    (folder / "results.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def draw(folder: Path, results: dict[str, Result]) -> None:
    """Writes `results.png` if there are charts."""
    charts: list[Chart] = [chart for result in results.values() for chart in result.charts]
    if charts:
        from bench import plot

        plot.draw(charts, folder / "results.png")


def say(what: str) -> None:
    console.print(what, highlight=False)


def _show_table(table: Table) -> None:
    shown = RichTable(title=table.title, title_justify="left", title_style="bold")
    for number, column in enumerate(table.columns):
        shown.add_column(column, justify="right" if number else "left")
    for row in table.rows:
        shown.add_row(*map(_text, row))
    console.print(shown)


def _text(value: str | float) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}"

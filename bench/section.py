"""Runs one section of the benchmark, in its own process."""

from importlib import import_module
from pathlib import Path

from bench.shapes import Result, Size
from bench.stand import Stand, set_up_django


def measure(name: str, database: str, size: Size, template: Path) -> Result:
    with Stand(database, template) as stand:
        set_up_django()
        result: Result = import_module(f"bench.{name}").run(stand, size)
    return result

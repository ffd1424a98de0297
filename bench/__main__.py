"""`python -m bench [SECTION …] [--quick | --full]`: measures the delivery engine on this machine.

Each section has its own process, database and receiver, and uses the loopback interface only.
"""

import argparse
import os
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import processor, report
from bench.section import measure
from bench.shapes import Result, Size
from bench.stand import ROOT

YARDSTICKS = "yardsticks"  # measured in each run, so that runs on different machines can be compared
SECTIONS = {
    YARDSTICKS: "Yardsticks of this machine",
    "throughput": "Throughput",
    "growth": "Growth",
    "slow": "Endpoints that answer late",
    "ingest": "Publishing over HTTP",
    "api": "The app's requests",
    "publish": "Publishing in the process",
    "idle": "Idle: from POST to request",
    "latency": "Latency under load",
    "fairness": "Fairness",
    "memory": "Memory",
    "embedded": "The embedded default: SQLite, no broker",
    "retention": "Retention",
    "pages": "Pages of the portal",
}
ON_SQLITE = {"embedded"}
ONLY_FULL = {"retention"}  # unless named on the command line


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the delivery engine.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    sizes = parser.add_mutually_exclusive_group()
    for size in (Size.QUICK, Size.FULL):
        sizes.add_argument(f"--{size}", dest="size", action="store_const", const=size, default=Size.DEFAULT)
    parser.add_argument("--output", type=Path, default=ROOT / ".data/bench", help="a folder; .data/bench unless given")
    given = parser.parse_args()
    unknown = [name for name in given.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"there is no section {', '.join(unknown)}")
    chosen = given.sections or [name for name in SECTIONS if given.size == Size.FULL or name not in ONLY_FULL]
    chosen = [YARDSTICKS, *(name for name in chosen if name != YARDSTICKS)]
    facts = report.machine()
    report.show_machine(facts)
    results: dict[str, Result] = {}
    began = time.monotonic()
    try:
        with TemporaryDirectory(prefix="invenicum-bench-") as folder:
            for name in chosen:
                if result := _measured(name, given.size, Path(folder) / "template"):
                    results[name] = result
                    report.show(SECTIONS[name], result)
                    report.write(given.output, facts, given.size, results)
    finally:
        report.draw(given.output, results)
    report.show_targets([target for result in results.values() for target in result.targets])
    report.say(f"All of it took {time.monotonic() - began:.0f} s.")
    sys.exit(len(results) < len(chosen))


def _measured(name: str, size: Size, template: Path) -> Result | None:
    """The result of a section; None if it failed, so that the others still run."""
    began, ours, all_of_it = time.monotonic(), processor.seconds(os.getpid()), processor.seconds_of_all()
    database = "sqlite" if name in ON_SQLITE else "postgresql"
    try:
        # A new process, so that Django, the engine and its connections start from scratch.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            result = pool.submit(measure, name, database, size, template).result()
    except Exception:  # noqa: BLE001 - the other sections still run
        traceback.print_exc()
        return None
    seconds = time.monotonic() - began
    others = processor.seconds_of_all() - all_of_it - (processor.seconds(os.getpid()) - ours)
    result.notes.append(f"It took {seconds:.0f} s; other programs used {others / seconds:.2f} cores.")
    return result


if __name__ == "__main__":
    main()

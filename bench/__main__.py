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

from bench import processor, report
from bench.section import measure
from bench.shapes import Size
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
    facts, results = report.machine(), {}
    report.show_machine(facts)
    failed = False
    for name in chosen:
        began, ours, all_of_it = time.monotonic(), processor.seconds(os.getpid()), processor.seconds_of_all()
        try:
            # A new process, so that Django, the engine and its connections start from scratch.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                database = "sqlite" if name in ON_SQLITE else "postgresql"
                results[name] = pool.submit(measure, name, database, given.size).result()
        except Exception:  # noqa: BLE001 - the other sections still run
            failed = True
            traceback.print_exc()
            continue
        seconds = time.monotonic() - began
        others = processor.seconds_of_all() - all_of_it - (processor.seconds(os.getpid()) - ours)
        results[name].notes.append(f"It took {seconds:.0f} s; other programs used {others / seconds:.2f} cores.")
        report.show(SECTIONS[name], results[name])
        report.write(given.output, facts, given.size, results)
    report.show_targets([target for result in results.values() for target in result.targets])
    sys.exit(failed)


if __name__ == "__main__":
    main()

"""A sampling profiler for a worker: `python -m bench.sampler FILE` runs `deliver --once`.

A signal reads the stack every few milliseconds of processor time. The innermost frame of our own code gets the time, so
a library's time counts for its caller.
"""

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import django

SAMPLE_INTERVAL_SECONDS = 0.001  # the kernel rounds it up to its tick
# The first match from the innermost frame outwards: part of the file's path, function or None, label.
GROUPS = (
    ("integrations/core/signing.py", None, "sign"),
    ("integrations/connectors/", None, "build the request"),
    ("integrations/core/", None, "build the request"),
    ("integrations/egress/", None, "send (egress and libcurl)"),
    ("webhooks/engine/postgresql_rows.py", "claimed", "claim: rows into messages"),
    ("webhooks/engine/postgresql_claim.py", None, "claim: the statement"),
    ("webhooks/engine/postgresql_rows.py", None, "record"),
    ("webhooks/engine/postgresql.py", None, "record"),
    ("webhooks/engine/outcomes.py", "record", "record"),
    ("webhooks/engine/claim.py", "renew", "renew leases, notice changes"),
    ("webhooks/engine/claim.py", "changed", "renew leases, notice changes"),
    ("webhooks/engine/integration_cache.py", None, "load and decrypt configurations"),
    ("webhooks/engine/lanes.py", None, "lanes: which delivery is next"),
    ("webhooks/engine/metrics.py", None, "count and heartbeat"),
    ("webhooks/engine/heartbeat.py", None, "count and heartbeat"),
    ("webhooks/engine/", None, "engine"),
)
OTHER = "other"


def group(frame: FrameType | None) -> str:
    while frame is not None:
        path, function = frame.f_code.co_filename, frame.f_code.co_name
        for part, name, title in GROUPS:
            if part in path and name in (None, function):
                return title
        frame = frame.f_back
    return OTHER


def main() -> None:
    django.setup()
    from django.core.management import call_command

    samples: Counter[str] = Counter()
    signal.signal(signal.SIGPROF, lambda _, frame: samples.update([group(frame)]))
    signal.setitimer(signal.ITIMER_PROF, SAMPLE_INTERVAL_SECONDS, SAMPLE_INTERVAL_SECONDS)
    call_command("deliver", "--once")
    signal.setitimer(signal.ITIMER_PROF, 0)
    Path(sys.argv[1]).write_text(json.dumps(samples))


if __name__ == "__main__":
    main()

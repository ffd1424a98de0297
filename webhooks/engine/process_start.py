"""What a process that delivers sets for itself once: how many files it may have open, and how it collects garbage."""

import gc
import resource

# New objects before the young generation is collected. Python's 700 make one list of many lists take a hundred
# milliseconds, because each round may go through everything that the process has loaded.
YOUNG_OBJECTS = 20_000


def raise_open_files_limit(wanted: int) -> None:
    """Raises the soft limit to `wanted` files, or as far as the system allows: each flow needs a connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def collect_less_garbage() -> None:
    """Lets the collector ignore what is loaded by now, which stays, and run less often."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])

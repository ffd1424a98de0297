"""How many files a worker may have open: each of its flows needs a connection."""

import resource


def raise_open_files_limit(wanted: int) -> None:
    """Raises the soft limit to `wanted` files, or as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))

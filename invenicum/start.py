"""How a process says that it cannot start: in one line on stderr, for an operator to whom a traceback says nothing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from environs import EnvError


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Ends the process with status 1 and one line if its block finds a setting that is missing or wrong."""
    try:
        yield
    except (ImproperlyConfigured, EnvError) as error:
        sys.exit(f"Configuration: {' '.join(str(error).split())}")

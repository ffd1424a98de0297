import time
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as DjangosCommand
from django.db import OperationalError, connections

from invenicum.postgresql.migration_locks import (
    MIGRATION_LOCK_SECONDS,
    bounded_waits,
    describe_longest_transaction,
)
from invenicum.transactions import is_locked

# Between two attempts: others use the table meanwhile. The last one is repeated.
MIGRATION_PAUSES_SECONDS = (1, 2, 5, 10)
MIGRATION_WAIT_SECONDS = 600.0  # after which a migration that gets no lock is given up


class Command(DjangosCommand):
    """Django's command, behind which no request waits for a table: what gets no lock at once is tried again."""

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--wait",
            type=float,
            default=MIGRATION_WAIT_SECONDS,
            metavar="SECONDS",
            help="How long it is tried again if another transaction uses a table; 600 unless given.",
        )

    def handle(self, *args: Any, wait: float = MIGRATION_WAIT_SECONDS, **options: Any) -> None:
        connection = connections[options["database"]]
        ends, attempt = time.monotonic() + wait, 0
        while True:
            try:
                with bounded_waits(connection):
                    super().handle(*args, **options)
            except OperationalError as error:
                if not is_locked(error):
                    raise
                reason = f"A table is in use: {describe_longest_transaction(connection)}."
                if time.monotonic() >= ends:
                    raise CommandError(
                        f"{reason} The migration was not applied; end that transaction, for example with "
                        "SELECT pg_terminate_backend(process), and migrate again."
                    ) from None
            else:
                return
            pause = MIGRATION_PAUSES_SECONDS[min(attempt, len(MIGRATION_PAUSES_SECONDS) - 1)]
            attempt += 1
            self.stderr.write(f"{reason} No lock within {MIGRATION_LOCK_SECONDS:.0f} s; trying again in {pause} s.")
            time.sleep(pause)

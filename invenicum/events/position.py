"""The place of an event in its owner's feed: by the database, whatever the clocks of the web servers say."""

from typing import Any

from django.db.models import BigIntegerField, BooleanField, F, Func, Value

# PostgreSQL's sequence that numbers events; SQLite has none, see `numbering.py`.
SEQUENCE = "events_event_sequence"


class CurrentPosition(Func):
    """On PostgreSQL the newest transaction among the writing one and those that had ended; elsewhere 0.

    Numbers of events are drawn before their transaction commits, so a reader who remembers the last one that it saw
    would miss an event with a smaller one that commits later. Transactions older than the oldest one that still
    runs are complete: ordered by transaction first, and read up to there, the feed has no gaps. A transaction that
    got its id early, and then waited for an asset that another one was changing, publishes after that one: so its
    events are placed no lower than any transaction that had ended by then, and `sequence` decides among equals.
    SQLite needs none of this: a transaction that writes has the database to itself.
    """

    template = "0"
    output_field = BigIntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        newest_ended = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1"
        template = f"greatest(pg_current_xact_id()::text::bigint, {newest_ended})"
        return self.as_sql(compiler, connection, template=template, **context)


class NextNumber(Func):
    """On PostgreSQL the next number of an event; elsewhere 0.

    Of two transactions that change the same asset, the second draws its number when the first has committed.
    """

    template = "0"
    output_field = BigIntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template=f"nextval('{SEQUENCE}')", **context)


class OldestRunningTransaction(Func):
    """The boundary below which every transaction has ended, in all databases of the server."""

    template = "1"
    output_field = BigIntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        return self.as_sql(compiler, connection, template=template, **context)


class Follows(Func):
    """Whether an event comes after the place (`position`, `sequence`): a condition that begins to read an index there.

    The same in terms of AND and OR would read the index from its beginning.
    """

    arg_joiner = " > "
    template = "%(expressions)s"
    output_field = BooleanField()

    def __init__(self, position: int | None, sequence: int):
        super().__init__(_Pair(F("position"), F("sequence")), _Pair(Value(position), Value(sequence)))


class Precedes(Follows):
    """Whether an event comes before the place, in the same way."""

    arg_joiner = " < "


class _Pair(Func):
    """A row value."""

    function = ""
    output_field = BigIntegerField()

"""The place of an event in its owner's feed."""

from typing import Any

from django.db.models import BigIntegerField, Func


class CurrentTransaction(Func):
    """On PostgreSQL the id of the writing transaction; elsewhere 0.

    Ids of events are drawn before their transaction commits, so a reader who remembers the last id that it saw
    would miss an event with a smaller one that commits later. Transactions older than the oldest one that still
    runs are complete: ordered by transaction first, and read up to there, the feed has no gaps. SQLite needs none
    of this: a transaction that writes has the database to itself.
    """

    template = "0"
    output_field = BigIntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="pg_current_xact_id()::text::bigint", **context)


class OldestRunningTransaction(Func):
    """The boundary below which every transaction has ended, in all databases of the server."""

    template = "1"
    output_field = BigIntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        return self.as_sql(compiler, connection, template=template, **context)

"""Inserts events. On PostgreSQL in one statement of plain SQL: `bulk_create` takes four times as long."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from invenicum.ids import public_id

from .models import Event
from .numbering import number

# The rows are inserted, and so numbered, in the order of the array.
INSERT_EVENTS = """
INSERT INTO events_event (id, owner_id, name, subject, occurred_at, created_at, body, document)
SELECT id, owner, name, subject, occurred, created, body, document
  FROM json_to_recordset(%s) AS new (id uuid, owner bigint, name text, subject text, occurred timestamptz,
                                     created timestamptz, body text, document jsonb)
RETURNING sequence
"""
# The same with their places in traces. Without traces nothing is read or written for them.
INSERT_TRACED_EVENTS = """
INSERT INTO events_event (id, owner_id, name, subject, occurred_at, created_at, body, document, traceparent)
SELECT id, owner, name, subject, occurred, created, body, document, traceparent
  FROM json_to_recordset(%s) AS new (id uuid, owner bigint, name text, subject text, occurred timestamptz,
                                     created timestamptz, body text, document jsonb, traceparent text)
RETURNING sequence
"""
# The database computes the position, and few ask for a place in a trace: they are read if somebody does.
_KNOWN = frozenset(field.attname for field in Event._meta.concrete_fields) - {"position", "traceparent"}


@dataclass(frozen=True, slots=True)
class Content:
    """All of an event but its owner and its place among others: see `Event`."""

    id: UUID
    name: str
    subject: str
    occurred_at: datetime
    created_at: datetime
    body: str
    document: dict[str, Any] | None
    traceparent: str = ""

    @property
    def public_id(self) -> str:
        return public_id("evt", self.id)


def insert(contents: Sequence[tuple[int, Content]]) -> list[Event]:
    """Inserts events, each for the owner with that primary key, in the caller's transaction."""
    if connection.vendor != "postgresql":
        return _insert_by_model(contents)
    rows = [_as_json(owner, content) for owner, content in contents]
    is_traced = any(content.traceparent for _, content in contents)
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT_TRACED_EVENTS if is_traced else INSERT_EVENTS,
            [json.dumps(rows, ensure_ascii=False, allow_nan=False)],
        )
        sequences = cursor.fetchall()
    return [_event(owner, content, sequence) for (owner, content), (sequence,) in zip(contents, sequences, strict=True)]


def insert_snapshots(contents: Sequence[tuple[int, Content]]) -> list[Event]:
    """Inserts events without a place in the feed, each for the owner with that primary key."""
    return _insert_by_model(contents, position=None)


def _as_json(owner: int, content: Content) -> dict[str, Any]:
    return {
        "id": content.id.hex,
        "owner": owner,
        "name": content.name,
        "subject": content.subject,
        "occurred": content.occurred_at.isoformat(),
        "created": content.created_at.isoformat(),
        "body": content.body,
        "document": content.document,
        **({"traceparent": content.traceparent} if content.traceparent else {}),
    }


def _event(owner: int, content: Content, sequence: int) -> Event:
    """A saved event. In the order of the columns: naming them takes three times as long."""
    values = (
        content.id,
        owner,
        content.name,
        content.subject,
        content.occurred_at,
        content.created_at,
        content.body,
        content.document,
        sequence,
    )
    return Event.from_db(connection.alias, _KNOWN, values)


def _insert_by_model(contents: Sequence[tuple[int, Content]], **columns: Any) -> list[Event]:
    events = [
        Event(
            id=content.id,
            owner_id=owner,
            name=content.name,
            subject=content.subject,
            occurred_at=content.occurred_at,
            created_at=content.created_at,
            body=content.body,
            document=content.document,
            traceparent=content.traceparent or None,
            **columns,
        )
        for owner, content in contents
    ]
    number(events)
    return Event.objects.bulk_create(events)

"""The SQL of stored answers: see `idempotency.py`.

On PostgreSQL a key is locked, by an advisory lock until the end of the transaction, before it is looked for or stored.
So that those who store the keys of many requests at once need not wait for one of them: they leave it out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

_LOCK = "hashtextextended('idempotency ' || {owner} || ' ' || {key}, 0)"

# Waits until no other transaction uses a key, and keeps others out until the end of this one.
LOCK_KEY = f"SELECT pg_advisory_xact_lock({_LOCK.format(owner='%s', key='%s')})"

# Stores answers. Leaves out those whose key is there already, or is used by a transaction under way.
STORE_ANSWERS = f"""
INSERT INTO accounts_idempotencykey (owner_id, key, request_digest, status, plain_body, created_at)
SELECT owner, key, digest, status, body, %s
  FROM json_to_recordset(%s) AS new (owner bigint, key text, digest text, status smallint, body text)
 WHERE pg_try_advisory_xact_lock({_LOCK.format(owner="owner", key="key")})
    ON CONFLICT (owner_id, key) DO NOTHING RETURNING owner_id, key
"""  # noqa: S608 - made of constants

# The same for other databases.
STORE_ANSWER = """
INSERT INTO accounts_idempotencykey (owner_id, key, request_digest, status, plain_body, created_at)
VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (owner_id, key) DO NOTHING RETURNING owner_id, key
"""


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """An answer that holds no secret, to be stored for a key that was not used before. `owner`: a primary key."""

    owner: int
    key: str
    request_digest: str
    status: int
    body: str


def lock(owner: int, key: str) -> None:
    """Waits for another transaction that uses the key. Needed on PostgreSQL only; SQLite has one writer at a time."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(LOCK_KEY, [owner, key])


def store_new(answers: Mapping[int, NewAnswer], now: datetime) -> list[int]:
    """Stores answers in the caller's transaction, by one statement. Returns the places of those not stored.

    An answer is not stored if its key was used before, is in use, or is there twice; nothing is waited for.
    """
    if not answers:
        return []
    by_key = {(one.owner, one.key): one for one in answers.values()}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            rows = [_as_json(one) for one in by_key.values()]
            cursor.execute(STORE_ANSWERS, [now, json.dumps(rows)])
            stored = set(cursor.fetchall())
        else:
            stored = set()
            for one in by_key.values():
                moment = connection.ops.adapt_datetimefield_value(now)
                cursor.execute(STORE_ANSWER, [one.owner, one.key, one.request_digest, one.status, one.body, moment])
                stored |= set(cursor.fetchall())
    return [
        place
        for place, one in answers.items()
        if by_key[one.owner, one.key] is not one or (one.owner, one.key) not in stored
    ]


def _as_json(one: NewAnswer) -> dict[str, Any]:
    return {"owner": one.owner, "key": one.key, "digest": one.request_digest, "status": one.status, "body": one.body}

"""How the engine's values are written for PostgreSQL, and read from the rows of a claim. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from invenicum.events.message import Message

from .values import SUM_COLUMNS, Claimed, DeliveryId, HourlyCounts, IntegrationId, LaneState, Outcome


def claimed(row: Sequence[Any], large: Mapping[DeliveryId, Sequence[Any]]) -> Claimed:
    (
        _,
        integration_id,
        _,
        _,
        version,
        active,
        delivery_id,
        attempts,
        event_id,
        name,
        occurred_at,
        published_at,
        size,
        body,
        document,
        crashes,
        _,
        _,
        traceparent,
    ) = row
    if body is None:
        body, document = large[delivery_id]
    else:
        size = 0
    message = Message(
        id=event_id,
        name=name,
        occurred_at=datetime.fromtimestamp(occurred_at, UTC),
        body=body.encode(),
        document=json.loads(document) if document else None,
        delivery="dlv_" + delivery_id.replace("-", ""),  # as `invenicum.ids.public_id`, from the text
        traceparent=traceparent or "",
    )
    return Claimed(delivery_id, attempts, integration_id, version, active, message, published_at, size, crashes)


def id_array(ids: Iterable[str]) -> str:
    """An array of ids as PostgreSQL writes it; psycopg takes ten times as long."""
    return "{" + ",".join(ids) + "}"


def as_json(outcome: Outcome) -> dict[str, Any]:
    due_at = outcome.due_at.isoformat() if outcome.due_at else None
    return {
        "id": outcome.delivery_id,
        "lane": outcome.integration_id,
        "status": outcome.status,
        "due_at": due_at,
        "error": outcome.error,
        "class": outcome.error_class,
        "code": outcome.status_code,
        "counts": outcome.counts,
    }


def state_as_json(lane: IntegrationId, state: LaneState, clock: float) -> dict[str, Any]:
    """`clock` is the present time of the monotonic clock."""
    return {
        "id": lane,
        "failures": state.failures,
        "openings": state.openings,
        "rejections": state.rejections,
        "problem": state.problem.message if state.problem else None,
        "fault": state.problem.fault if state.problem else None,
        "held_until": state.held_until.isoformat() if state.held_until else None,
        "next_in": None if state.next_at is None else state.next_at - clock,
    }


def counts_as_json(counts: HourlyCounts) -> list[dict[str, Any]]:
    """Without the columns that are 0, which are most."""
    return [
        {"id": lane, "hour": hour, **{name: count for name, count in zip(SUM_COLUMNS, row, strict=True) if count}}
        for (lane, hour), row in counts.items()
    ]


def copy_line(outcome: Outcome) -> str:
    """A line of COPY's text format: https://www.postgresql.org/docs/current/sql-copy.html"""
    status_code = "\\N" if outcome.status_code is None else outcome.status_code
    return (
        f"{outcome.delivery_id}\t{outcome.started_at.isoformat()}\t{outcome.duration_ms}\t{status_code}"
        f"\t{outcome.error_class}\t{_escaped(outcome.error)}\t{_escaped(outcome.response_excerpt)}\n"
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")

"""When operators are alerted: rules over a snapshot of the service. Pure.

`deploy/observability/alerts.yml` has the same rules for Prometheus, as far as it can know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

ENGINE_SILENT_SECONDS = 60.0
OLDEST_UNDELIVERED_SECONDS = 300.0
FAILED_SHARE, FAILED_LEAST_ATTEMPTS = 0.05, 20  # of the attempts of a quarter of an hour
OPEN_CIRCUITS_SHARE, OPEN_CIRCUITS_LEAST = 0.1, 3  # of the active integrations
REFUSED_SHARE, REFUSED_LEAST = 0.2, 3  # of a type's connections, within an hour
SECRET_EXPIRES_SOON = timedelta(days=30)
RETENTION_BEHIND = timedelta(days=2)  # removing runs every hour, or every day by hand
DISK_USED_SHARE = 0.9

Figures = Mapping[str, int | float | str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The service at one moment.

    engine_silent_seconds: since a worker last looked for work. oldest_seconds: the age of the oldest delivery that
    does not wait for its owner. attempts, failed: of the last quarter of an hour, without those whose target is wrong.
    integrations: active ones. connections: by type, how many by OAuth there are, and how many of them the provider has
    refused within an hour. expiring: the day on which the client secret of a type expires. retention_behind: by how
    much the oldest event is older than it should be. disk_used_share: of the room for the database; None if unknown.
    """

    now: datetime
    engine_silent_seconds: float = 0.0
    oldest_seconds: float = 0.0
    attempts: int = 0
    failed: int = 0
    circuits_open: int = 0
    integrations: int = 0
    connections: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    expiring: Mapping[str, date] = field(default_factory=dict)
    retention_behind: timedelta = timedelta(0)
    disk_used_share: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: a rule's name, what it is about (a type, or empty), and the figures for its sentence."""

    rule: str
    subject: str = ""
    figures: Figures = field(default_factory=dict)


def engine_silent(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.engine_silent_seconds > ENGINE_SILENT_SECONDS:
        yield Finding("engine_silent", figures={"minutes": _minutes(snapshot.engine_silent_seconds)})


def oldest_undelivered(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.oldest_seconds > OLDEST_UNDELIVERED_SECONDS:
        yield Finding("oldest_undelivered", figures={"minutes": _minutes(snapshot.oldest_seconds)})


def failure_rate(snapshot: Snapshot) -> Iterator[Finding]:
    is_enough = snapshot.attempts >= FAILED_LEAST_ATTEMPTS
    if is_enough and snapshot.failed > FAILED_SHARE * snapshot.attempts:
        percent = round(100 * snapshot.failed / snapshot.attempts)
        yield Finding("failure_rate", figures={"percent": percent, "attempts": snapshot.attempts})


def circuits_open(snapshot: Snapshot) -> Iterator[Finding]:
    count = snapshot.circuits_open
    if count >= OPEN_CIRCUITS_LEAST and count >= OPEN_CIRCUITS_SHARE * snapshot.integrations:
        yield Finding("circuits_open", figures={"count": count, "integrations": snapshot.integrations})


def grants_refused(snapshot: Snapshot) -> Iterator[Finding]:
    for type_, (grants, refused) in sorted(snapshot.connections.items()):
        if refused >= REFUSED_LEAST and refused >= REFUSED_SHARE * grants:
            yield Finding("grants_refused", type_, {"refused": refused, "grants": grants})


def secret_expires(snapshot: Snapshot) -> Iterator[Finding]:
    for type_, day in sorted(snapshot.expiring.items()):
        if day - snapshot.now.date() <= SECRET_EXPIRES_SOON:
            yield Finding("secret_expires", type_, {"day": day.isoformat()})


def retention_behind(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.retention_behind > RETENTION_BEHIND:
        yield Finding("retention_behind", figures={"days": snapshot.retention_behind.days})


def disk_full(snapshot: Snapshot) -> Iterator[Finding]:
    share = snapshot.disk_used_share
    if share is not None and share >= DISK_USED_SHARE:
        yield Finding("disk_full", figures={"percent": round(100 * share)})


RULES: Mapping[str, Callable[[Snapshot], Iterator[Finding]]] = {
    rule.__name__: rule
    for rule in (
        engine_silent,
        oldest_undelivered,
        failure_rate,
        circuits_open,
        grants_refused,
        secret_expires,
        retention_behind,
        disk_full,
    )
}


def find(snapshot: Snapshot) -> list[Finding]:
    """What is wrong, e.g. `[Finding("grants_refused", "github", {"refused": 30, "grants": 120})]`."""
    return [finding for rule in RULES.values() for finding in rule(snapshot)]


def _minutes(seconds: float) -> int:
    return max(int(seconds // 60), 1)

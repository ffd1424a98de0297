"""The audit trail: who did what, from where, to what, and when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypedDict, Unpack, cast

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from .models import AuditEntry
from .requests import current_actor, current_source

Action = AuditEntry.Action
LENGTHS = {
    "target": AuditEntry.MAX_TARGET_LENGTH,
    "account": AuditEntry.MAX_ACCOUNT_LENGTH,
    "detail": AuditEntry.MAX_DETAIL_LENGTH,
}


class Facts(TypedDict, total=False):
    """What an entry says besides its action.

    `target`: what it was done to (`target_of`). `type`: of the integration, e.g. `slack`. `account`: at the provider.
    `owner` or `owner_id`: whose data it is about. `actor`: who did it, if that is not the current request's user; None
    if it is not known. `detail`: a sentence, without values of settings.
    """

    target: str
    type: str
    account: str
    owner: AbstractUser | None
    owner_id: int | None
    actor: AbstractUser | None
    detail: str


def record(action: AuditEntry.Action, **facts: Unpack[Facts]) -> AuditEntry:
    """Adds an entry to the trail, in the caller's transaction: it stays if the change stays.

    Actor, address and request id are those of the current request. Outside of one the service itself acted, and they
    are empty. For example `record(Action.STAFF_ACTION, owner=alice, detail="Closed the circuit.")`.
    """
    source = current_source()
    columns: dict[str, Any] = dict(facts)
    if "actor" not in columns:
        columns["actor"] = current_actor()
    for name, limit in LENGTHS.items():
        columns[name] = str(columns.get(name, "")).replace("\0", "")[:limit]
    actor = columns["actor"]
    return AuditEntry.objects.create(
        action=action,
        actor_name=actor.get_username() if actor else "",
        address=source.address,
        request_id=source.request_id,
        **columns,
    )


def record_failure(action: AuditEntry.Action, **facts: Unpack[Facts]) -> None:
    """Adds an entry about what failed, as `record` does, outside of a transaction.

    The users it is about may have been removed meanwhile: they are left out then.
    """
    try:
        with transaction.atomic():
            record(action, **facts)
    except IntegrityError:
        rest = {name: value for name, value in facts.items() if name != "owner_id"}
        record(action, **cast("Facts", {**rest, "owner": None, "actor": None}))


def target_of(row: models.Model) -> str:
    """What the trail calls a row, e.g. `accesstoken:12`; with its public id if it has one, e.g. `user:user-456`."""
    return f"{row._meta.model_name}:{getattr(row, 'public_id', None) or row.pk}"


def forget_old() -> None:
    """Deletes the entries that are older than `AUDIT_RETENTION_DAYS`."""
    old = AuditEntry.objects.filter(at__lt=timezone.now() - timedelta(days=settings.AUDIT_RETENTION_DAYS))
    old._raw_delete(old.db)

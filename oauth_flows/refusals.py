"""How many connections of each type the provider has refused lately: many at once mean that our client was revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from .models import Grant

REFUSED_LATELY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RefusedShare:
    """Of one type, e.g. `RefusedShare("github", grants=120, refused=30)`."""

    type: str
    grants: int
    refused: int


def shares_of_refused_grants(now: datetime) -> list[RefusedShare]:
    """Each type that has connections: how many there are, and how many were refused within REFUSED_LATELY."""
    live = Grant.objects.filter(integration__deleted_at=None).order_by("integration__type")
    lately = Count("pk", filter=Q(refused_at__gt=now - REFUSED_LATELY))
    rows = live.values_list("integration__type").annotate(grants=Count("pk"), refused=lately)
    return [RefusedShare(*row) for row in rows]

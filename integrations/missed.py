"""How many events an integration has missed, without depending on deliveries: `webhooks`, a layer above, registers
itself here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from .models import Integration


@dataclass(frozen=True, slots=True)
class Missed:
    """How many events an integration has missed since a time; `since` is None if it was never active before.

    If `is_exact` is False, there are at least so many.
    """

    count: int
    is_exact: bool
    since: datetime | None


Counter = Callable[[Integration], Missed]


def _nothing(integration: Integration) -> Missed:
    return Missed(0, True, None)


_registered: Counter = _nothing


def register(counter: Counter) -> None:
    """Called once at start-up, by the app that has the deliveries.

    `counter` is called for an integration that has just become active, in the transaction of the change.
    """
    global _registered
    _registered = counter


def count(integration: Integration) -> Missed:
    """What an integration that has just become active has missed. It takes a fraction of a second at most."""
    return _registered(integration)

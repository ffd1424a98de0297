"""How many web threads may wait for other services at once: a quarter of them, and two for one account.

Whatever makes an outgoing request in a web thread runs inside `hold`, so that endpoints that never answer leave most
threads to everything else. The slots of a process end with it. An account's two are counted in the cache, for all web
processes if that is Redis; a process that is killed leaves them taken until the request's time is over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from invenicum import quotas
from invenicum.per_process import PerProcess

SLOT_MARGIN_SECONDS = 5.0  # an account's slot is freed this long after its request must have ended
RETRY_AFTER_SECONDS = 2.0

logger = logging.getLogger(__name__)


class Slots:
    """The slots of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0

    def take(self) -> bool:
        """Whether there was one left. `free` gives it back."""
        with self._lock:
            if self._taken >= settings.OUTGOING_AT_ONCE:
                return False
            self._taken += 1
            return True

    def free(self) -> None:
        with self._lock:
            self._taken -= 1


_slots = PerProcess(Slots)


@contextmanager
def hold(seconds: float, owner_id: int | None = None) -> Iterator[None]:
    """Inside the block the thread may wait for another service, for at most `seconds`.

    `owner_id`: the primary key of the account that asked for it, if it counts for one. Raises QuotaExceeded if all
    slots of the process or of the account are taken.
    """
    slots = _slots.get()
    if not slots.take():
        raise quotas.QuotaExceeded(quotas.OUTGOING_AT_ONCE, RETRY_AFTER_SECONDS)
    try:
        key = _take_of_account(owner_id, seconds + SLOT_MARGIN_SECONDS) if owner_id is not None else None
        try:
            yield
        finally:
            if key is not None:
                with suppress(RedisError):
                    cache.delete(key)
    finally:
        slots.free()


def _take_of_account(owner_id: int, lifetime_seconds: float) -> str | None:
    """The cache key that holds a slot of the account. Returns None if none is needed, or if the cache is down."""
    try:
        for number in range(quotas.TESTS.limit):
            key = f"outgoing-slot:{owner_id}:{number}"
            if cache.add(key, 1, lifetime_seconds):
                return key
    except RedisError:
        # The service must not stop when its cache does; the process's own slots are still counted.
        logger.warning("The cache is down: an account's requests are not counted", exc_info=True)
        return None
    if quotas.TESTS.limit:
        raise quotas.QuotaExceeded(quotas.TESTS, RETRY_AFTER_SECONDS)
    return None

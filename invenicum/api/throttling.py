import logging
import time
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

logger = logging.getLogger(__name__)

CLOCK_TOLERANCE_SECONDS = 60.0  # between the clocks of two web servers


class _Histories:
    """The cache, as the throttles use it: anything but a list of times that have passed counts as absent."""

    def get(self, key: str, default: list[float]) -> list[float]:
        found = cache.get(key, default)
        latest = time.time() + CLOCK_TOLERANCE_SECONDS
        is_history = isinstance(found, list) and all(
            type(moment) in (int, float) and 0 <= moment <= latest for moment in found
        )
        if is_history:
            return found  # type: ignore[no-any-return]
        logger.warning("The cache holds something else for %s", key)
        return default

    def set(self, key: str, history: list[float], seconds: float) -> None:
        cache.set(key, history, seconds)


class UserThrottle(SimpleRateThrottle):
    """Base: limits how often one user can do what `scope` names. Its rate is in `DEFAULT_THROTTLE_RATES`."""

    cache: Any = _Histories()

    def get_cache_key(self, request: Request, view: APIView) -> str:
        return f"throttle:{self.scope}:{request.user.pk}"

    def allow_request(self, request: Request, view: APIView) -> bool:
        try:
            return super().allow_request(request, view)
        except RedisError:
            # The service must not stop when its cache does.
            logger.warning("The cache is down: requests are not limited", exc_info=True)
            return True


class OutgoingThrottle(UserThrottle):
    """Limits how often one user can make us call out (the setting `OUTGOING_RATE_LIMIT`)."""

    scope = "outgoing"


class SaveThrottle(UserThrottle):
    """Limits how often one user can change what is connected (the setting `SAVE_RATE_LIMIT`)."""

    scope = "save"


class BackfillThrottle(UserThrottle):
    """Limits how often one user can have missed events counted (the setting `BACKFILL_RATE_LIMIT`)."""

    scope = "backfill"

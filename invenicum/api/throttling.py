import logging

from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

logger = logging.getLogger(__name__)


class UserThrottle(SimpleRateThrottle):
    """Base: limits how often one user can do what `scope` names. Its rate is in `DEFAULT_THROTTLE_RATES`."""

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

"""How values are written to the Redis cache."""

import json
from typing import Any

from redis.exceptions import RedisError


class UnreadableValue(RedisError):
    """What the cache holds was not written by this service. It counts as a cache that is down."""


class JSONSerializer:
    """Writes values as JSON: who can write to Redis must not be able to run code here, as Django's pickles allow.

    Whole numbers stay as they are, so that Redis can count with them.
    """

    def dumps(self, value: Any) -> str | int:
        return value if type(value) is int else json.dumps(value, allow_nan=False)

    def loads(self, data: bytes) -> Any:
        """Raises UnreadableValue for anything but JSON."""
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise UnreadableValue("The cache holds a value that is no JSON.") from None

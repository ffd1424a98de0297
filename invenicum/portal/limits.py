"""The API's limits of what one account does, for the same things done in the portal."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

from invenicum.accounts.models import User
from invenicum.api.throttling import UserThrottle


def seconds_to_wait(throttle: type[UserThrottle], user: User) -> int:
    """0 if the user may do now what the throttle limits, and counts it; else after how many seconds."""
    limit = throttle()
    asked = cast(Any, SimpleNamespace(user=user))  # all that a throttle of users reads
    if limit.allow_request(asked, cast(Any, None)):
        return 0
    return max(math.ceil(limit.wait() or 1), 1)

"""The header `Idempotency-Key`: its form, and how the OpenAPI document shows it. `accounts.idempotency` honours it."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter

HEADER = "Idempotency-Key"
KEY = r"^[!-~]{1,255}$"
KEY_SAYS = "must be 1 to 255 printable ASCII characters without spaces"
PARAMETER = OpenApiParameter(
    HEADER,
    {"type": "string", "pattern": KEY},
    OpenApiParameter.HEADER,
    description=(
        "For 24 hours the same key with the same request gets the same answer, and nothing is done twice. "
        "With another request it gets 409. A request that fails leaves its key unused."
    ),
)

Action = TypeVar("Action", bound=Callable[..., Any])


def takes_key(action: Action) -> Action:
    """Marks an action of a viewset as one that honours the header."""
    action.takes_idempotency_key = True  # type: ignore[attr-defined]
    return action


def does_take_key(action: Any) -> bool:
    """Whether `takes_key` marks it."""
    return getattr(action, "takes_idempotency_key", False) is True

"""Reading JSON as RFC 8259 has it. Python's reader also takes NaN and numbers too large for a float. Pure."""

import json
import math
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

MAX_STRANGERS_DEPTH = (
    100  # of what a stranger sends: deeper values would exhaust the stack of those who walk through them
)


def loads(text: str | bytes, *, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The value of a JSON text, with finite numbers only.

    `object_pairs_hook`: as in `json.loads`. Raises ValueError (json.JSONDecodeError if it is not JSON at all), or
    RecursionError if it is nested too deeply.
    """
    return json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=object_pairs_hook)


def loads_of_stranger(text: str | bytes) -> Any:
    """The value of a JSON text from outside: as `loads`, and nested at most MAX_STRANGERS_DEPTH deep.

    Raises ValueError for anything else.
    """
    try:
        value = loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if is_deeper(value, MAX_STRANGERS_DEPTH):
        raise ValueError("it is nested too deeply")
    return value


def is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested in `value` more than `levels` deep."""
    level = [value] if isinstance(value, list | dict) else []
    for _ in range(levels):
        if not level:
            return False
        level = [item for node in level for item in _items(node) if isinstance(item, list | dict)]
    return bool(level)


def _items(node: Any) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number

"""Reading JSON as RFC 8259 has it. Python's reader also takes NaN and numbers too large for a float. Pure."""

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn


def loads(text: str | bytes, *, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The value of a JSON text, with finite numbers only.

    `object_pairs_hook`: as in `json.loads`. Raises ValueError (json.JSONDecodeError if it is not JSON at all), or
    RecursionError if it is nested too deeply.
    """
    return json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=object_pairs_hook)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number

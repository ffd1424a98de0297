"""What a flow remembers for later runs: a provider's ids of what it has made there. Pure.

Most services find a thing by its name or path, and then nothing has to be remembered. Google Drive knows files by ids
alone, and its search lags behind what was written. A flow of a connector with `remembers` therefore yields `Recall`,
`Remember` and `Forget` among its requests, with the functions of the same names. Who drives it wraps it with
`with_memory`, which answers them; `integrations.remote_ids` is the memory in the database.
"""

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from .errors import ConnectionFailed, IntegrationError
from .http import Flow, Request, Response

T = TypeVar("T")
MAX_KEY_LENGTH = 64
MAX_VALUE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Recall:
    """Asks for the value under `key`; answered with None if there is none."""

    key: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Keeps `value` under `key` for good before the flow goes on. Answered with what is kept: the value that another
    run of the flow has kept first, if there is one."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Removes what is kept under `key`, if it is still `value`."""

    key: str
    value: str


class Memory(Protocol):
    """Where values are kept for one integration. `key` has at most MAX_KEY_LENGTH characters, `value` at most
    MAX_VALUE_LENGTH."""

    def recall(self, key: str) -> str | None: ...

    def remember(self, key: str, value: str) -> str: ...

    def forget(self, key: str, value: str) -> None: ...


class Notes:
    """A memory in a dict, for as long as it lives: a test of a configuration that is not saved, for example."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def recall(self, key: str) -> str | None:
        return self.kept.get(key)

    def remember(self, key: str, value: str) -> str:
        return self.kept.setdefault(key, value)

    def forget(self, key: str, value: str) -> None:
        if self.kept.get(key) == value:
            del self.kept[key]


def recall(key: str) -> Flow[str | None]:
    """In a flow: the value that an earlier run has kept under `key`, or None."""
    answer: Any = yield cast(Request, Recall(key))
    return answer if isinstance(answer, str) else None


def remember(key: str, value: str) -> Flow[str]:
    """In a flow: keeps `value` before the next request is sent, and returns what is kept.

    Raises ConnectionFailed if the value is too long to be an id of the provider.
    """
    if len(value) > MAX_VALUE_LENGTH:
        raise ConnectionFailed("The answer has an id that is too long.")
    answer: Any = yield cast(Request, Remember(key, value))
    return answer if isinstance(answer, str) else value


def forget(key: str, value: str) -> Flow[None]:
    """In a flow: removes `value` from `key`."""
    yield cast(Request, Forget(key, value))


def with_memory(flow: Flow[T], memory: Memory) -> Flow[T]:
    """`flow`, with what it recalls and remembers answered by `memory`: only its requests are yielded.

    Returns what the flow returns. Raises what the flow and `memory` raise.
    """
    step: Any = flow.send
    value: Any = None
    while True:
        try:
            asked: Any = step(value)
        except StopIteration as stop:
            result: T = stop.value
            return result
        step = flow.send
        match asked:
            case Recall(key):
                value = memory.recall(key)
            case Remember(key, kept):
                value = memory.remember(key, kept)
            case Forget(key, kept):
                memory.forget(key, kept)
                value = None
            case _:
                try:
                    response: Response = yield asked
                    value = response
                except IntegrationError as error:
                    step, value = flow.throw, error

"""The user who makes a change, so that its event can name them. Kept for the current context, not as an argument,
because the model publishes and does not know the request."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from invenicum.accounts.models import User

_actor: ContextVar[User | None] = ContextVar("actor", default=None)


@contextmanager
def acting_as(user: User) -> Iterator[None]:
    """Changes of assets inside the block are made by `user`."""
    token = _actor.set(user)
    try:
        yield
    finally:
        _actor.reset(token)


def current_actor() -> User | None:
    """The user who makes the change; None if no user was named."""
    return _actor.get()


def current_actor_key() -> int | None:
    """Their primary key, for the model's default."""
    actor = _actor.get()
    return actor.pk if actor else None

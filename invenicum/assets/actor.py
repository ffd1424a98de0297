"""Who is at work, so that an event can say who changed the asset."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.contrib.auth.models import User

_actor: ContextVar[int | None] = ContextVar("actor", default=None)


@contextmanager
def acting_as(user: User) -> Iterator[None]:
    """Whatever happens to assets inside is done by `user`."""
    token = _actor.set(user.pk)
    try:
        yield
    finally:
        _actor.reset(token)


def current_actor() -> int | None:
    """The primary key of the user at work; None where nobody said."""
    return _actor.get()

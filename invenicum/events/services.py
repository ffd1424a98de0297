"""Publishing what happened elsewhere."""

from collections.abc import Sequence

from django.contrib.auth.models import User

from invenicum.accounts.users import parse_user_id

from .bodies import NewEvent
from .models import Event
from .publish import Draft, publish_many


class UnknownOwner(Exception):
    """There is no such user."""


def publish_incoming(caller: User, incoming: Sequence[NewEvent]) -> list[Event]:
    """Publishes all events or none, each for the owner it names or else for the caller. Raises UnknownOwner."""
    owners = _owners(incoming)
    return publish_many(
        Draft(owners[item.owner] if item.owner else caller, item.event, item.data, item.timestamp) for item in incoming
    )


def _owners(incoming: Sequence[NewEvent]) -> dict[str, User]:
    keys = {item.owner: parse_user_id(item.owner) for item in incoming if item.owner}
    users = User.objects.filter(pk__in=set(keys.values()), is_active=True).in_bulk() if keys else {}
    for owner, key in keys.items():
        if key not in users:
            raise UnknownOwner(owner)
    return {owner: users[key] for owner, key in keys.items() if key is not None}

"""Publishing events from outside."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User

from invenicum.accounts.users import parse_user_id

from .models import Event
from .publish import Draft, publish_many


class UnknownOwner(Exception):
    """There is no such user."""


def publish_incoming(caller: User, incoming: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Publishes all events or none, each for the owner it names or else for the caller.

    `incoming`: what NewEventSerializer has read. Returns the events in the same order. Raises UnknownOwner.
    """
    owners = _owners(dict.fromkeys(item["owner"] for item in incoming if item.get("owner")))
    return publish_many(
        Draft(owners.get(item.get("owner"), caller), item["event"], item["data"], item.get("timestamp"))
        for item in incoming
    )


def _owners(public_ids: Iterable[str]) -> dict[str | None, User]:
    keys = {public_id: parse_user_id(public_id) for public_id in public_ids}
    users = User.objects.filter(pk__in=set(keys.values()), is_active=True).in_bulk() if keys else {}
    for owner, key in keys.items():
        if key not in users:
            raise UnknownOwner(owner)
    return {owner: users[key] for owner, key in keys.items() if key is not None}

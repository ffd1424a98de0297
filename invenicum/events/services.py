"""Publishing events from outside."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from invenicum.accounts.models import User
from invenicum.accounts.public_ids import parse_public_id
from invenicum.accounts.services import provisioned
from invenicum.quotas import QuotaExceeded

from . import intake
from .models import Event
from .publish import Draft, publish_many


class OwnersRefused(Exception):
    """Some events name an owner who does not exist or is deactivated. `problems`: index in the list → reason."""

    def __init__(self, problems: dict[int, str]):
        super().__init__(problems)
        self.problems = problems


def publish_incoming(caller: User, incoming: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Publishes all events or none, each for the owner it names or else for the caller.

    `incoming`: what NewEventSerializer has read. An Invenicum account that was not seen before is provisioned. Returns
    the events in the same order. Raises OwnersRefused, EventsTooLarge or
    QuotaExceeded.
    """
    named = {place: account for place, item in enumerate(incoming) if (account := _account_of(item))}
    owners = provisioned(list(dict.fromkeys(named.values()))) if named else {}
    problems = {place: problem for place, account in named.items() if (problem := _problem(owners.get(account)))}
    if problems:
        raise OwnersRefused(problems)
    drafts = [
        Draft(owners[named[place]] if place in named else caller, item["event"], item["data"], item.get("timestamp"))
        for place, item in enumerate(incoming)
    ]
    _admit(drafts)
    return publish_many(drafts)


def _admit(drafts: Sequence[Draft]) -> None:
    counts = Counter(draft.owner.pk for draft in drafts)
    try:
        intake.admit(counts)
    except QuotaExceeded as error:
        if len(counts) > 1:
            error.places = tuple(place for place, draft in enumerate(drafts) if draft.owner.pk in error.accounts)
        raise


def _account_of(item: Mapping[str, Any]) -> str | None:
    owner = item.get("owner")
    return parse_public_id(owner) if owner else None


def _problem(owner: User | None) -> str | None:
    if owner is None:
        return "there is no such account"
    return None if owner.is_active else "this account is deactivated"

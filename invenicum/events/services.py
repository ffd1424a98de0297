"""Publishing events from outside."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from invenicum.accounts.models import User
from invenicum.accounts.public_ids import parse_public_id
from invenicum.accounts.scopes import PUBLISH, PUBLISH_ANY
from invenicum.accounts.services import provisioned
from invenicum.quotas import QuotaExceeded

from . import intake
from .insertion import Content
from .models import Event
from .publish import announce, write_contents

Incoming = Mapping[str, Any]  # what NewEventSerializer has read


class OwnersRefused(Exception):
    """Some events name an owner who does not exist or is deactivated. `problems`: index in the list → reason."""

    def __init__(self, problems: dict[int, str]):
        super().__init__(problems)
        self.problems = problems


def may_publish(scopes: Collection[str], incoming: Iterable[Incoming]) -> bool:
    """Whether a token with these scopes may publish these events: for an owner it needs the scope for that too."""
    return PUBLISH in scopes and (PUBLISH_ANY in scopes or not any(item.get("owner") for item in incoming))


def publish_incoming(caller: User, incoming: Sequence[Incoming]) -> list[Event]:
    """Publishes all events or none, each for the owner it names or else for the caller.

    `incoming`: what NewEventSerializer has read. An Invenicum account that was not seen before is provisioned. Returns
    the events in the same order. Raises OwnersRefused, EventsTooLarge or QuotaExceeded.
    """
    owners = owners_of(caller, incoming, provisioned(named_accounts(incoming)))
    contents = write_incoming(incoming)
    admit(owners)
    return announce(list(zip(owners, contents, strict=True)))


def named_accounts(incoming: Iterable[Incoming]) -> list[str]:
    """The account ids of the owners that events name, each once."""
    return list(dict.fromkeys(account for item in incoming if (account := _account_of(item)) is not None))


def owners_of(caller: User, incoming: Sequence[Incoming], accounts: Mapping[str, User]) -> list[int]:
    """The primary key of each event's owner: an account that it names, or the caller. Raises OwnersRefused.

    `accounts`: the users that exist, by account id.
    """
    owners: list[int] = []
    problems: dict[int, str] = {}
    for place, item in enumerate(incoming):
        account = _account_of(item)
        owner = caller if account is None else accounts.get(account)
        if owner is None or not owner.is_active:
            problems[place] = "there is no such account" if owner is None else "this account is deactivated"
        else:
            owners.append(owner.pk)
    if problems:
        raise OwnersRefused(problems)
    return owners


def write_incoming(incoming: Iterable[Incoming]) -> list[Content]:
    """The contents of events from outside. Raises EventsTooLarge."""
    return write_contents((item["event"], item["data"], item.get("timestamp"), None) for item in incoming)


def admit(owners: Sequence[int], *, may_query: bool = True) -> None:
    """Counts events of these owners against their quotas, all or none: see `intake.admit`. Raises QuotaExceeded."""
    counts = Counter(owners)
    try:
        intake.admit(counts, may_query=may_query)
    except QuotaExceeded as error:
        if len(counts) > 1:
            error.places = tuple(place for place, owner in enumerate(owners) if owner in error.accounts)
        raise


def _account_of(item: Incoming) -> str | None:
    owner = item.get("owner")
    return parse_public_id(owner) if owner else None

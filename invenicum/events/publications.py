"""Publishing what concurrent requests ask for in one transaction, with a fixed number of statements."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from invenicum.accounts.answer_store import NewAnswer, store_new
from invenicum.accounts.callers import Bearer, find_callers
from invenicum.api.serializers import shared
from invenicum.quotas import QuotaExceeded
from invenicum.transactions import bounded

from .insertion import Content
from .publish import announce
from .serializers import PublishedEventSerializer
from .services import Incoming, OwnersRefused, admit, may_publish, named_accounts, owners_of

PUBLISHED = 202
# place of a request → its caller and the owner of each of its events, as primary keys
_Owners = dict[int, tuple[int, list[int]]]
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Publication:
    """One request: who asks, and for what.

    `addressed`: the events without their data. `contents`: what they are stored as. `key`, `request_digest`: of its
    Idempotency-Key, or empty. `answer`: the JSON that it is answered with.
    """

    bearer: Bearer
    addressed: Sequence[Incoming]
    contents: Sequence[Content]
    answer: str
    key: str
    request_digest: str


def answer_with(contents: Sequence[Content], is_batch: bool) -> str:
    """The body of the answer for published events: `{"data":{"id":"evt_…"}}`, or a list of them for a batch."""
    written = [shared(PublishedEventSerializer).to_representation(content) for content in contents]
    return _compact({"data": written if is_batch else written[0]})


def publish_together(publications: Sequence[Publication]) -> list[bool]:
    """Publishes each completely or not at all, in one transaction. Returns which were published, in the same order.

    The others are to be refused, have been answered before, or need more statements than most (a new account, a changed
    e-mail address): the view decides about each, as if it had come alone.
    """
    with bounded():
        owners = _admitted(_owners_of_all(publications))
        answers = {
            place: NewAnswer(caller, one.key, one.request_digest, PUBLISHED, one.answer)
            for place, (caller, _) in owners.items()
            if (one := publications[place]).key
        }
        for place in store_new(answers, timezone.now()):
            del owners[place]
        announce(
            [
                (owner, content)
                for place, (_, each) in owners.items()
                for owner, content in zip(each, publications[place].contents, strict=True)
            ]
        )
    return [place in owners for place in range(len(publications))]


def _owners_of_all(publications: Sequence[Publication]) -> _Owners:
    """Of those that may publish without a question."""
    named = {account for one in publications for account in named_accounts(one.addressed)}
    callers, accounts = find_callers([one.bearer for one in publications], named)
    found = {}
    for place, (one, caller) in enumerate(zip(publications, callers, strict=True)):
        if caller is None or not may_publish(caller.scopes, one.addressed):
            continue
        try:
            found[place] = caller.user.pk, owners_of(caller.user, one.addressed, accounts)
        except OwnersRefused:
            continue
    return found


def _admitted(owners: _Owners) -> _Owners:
    """Without those that a quota refuses: all at once if they are for different accounts, and it refuses none."""
    of_each = [set(each) for _, each in owners.values()]
    are_different = len(set().union(*of_each)) == sum(map(len, of_each))
    if are_different and _is_admitted([owner for _, each in owners.values() for owner in each]):
        return owners
    return {place: one for place, one in owners.items() if _is_admitted(one[1])}


def _is_admitted(owners: Sequence[int]) -> bool:
    try:
        admit(owners, may_query=False)
    except QuotaExceeded:
        return False
    return True

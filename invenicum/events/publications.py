"""Publishing what concurrent requests ask for in one transaction, with a fixed number of statements."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from invenicum.accounts.answer_store import NewAnswer, store_new
from invenicum.accounts.callers import is_known
from invenicum.accounts.invenicum_tokens import Identity
from invenicum.accounts.lookups import find_accounts, find_tokens
from invenicum.accounts.models import User
from invenicum.accounts.scopes import USER_SCOPES
from invenicum.accounts.tokens import holder_of
from invenicum.api.serializers import shared
from invenicum.quotas import QuotaExceeded
from invenicum.transactions import bounded

from .insertion import Content
from .publish import announce
from .serializers import PublishedEventSerializer
from .services import Incoming, OwnersRefused, admit, may_publish, named_accounts, owners_of

PUBLISHED = 202
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Publication:
    """One request: who asks (`token` of this server, or the `identity` in an Invenicum token) and for what.

    `addressed`: the events without their data. `contents`: what they are stored as. `key`, `request_digest`: of its
    Idempotency-Key, or empty. `answer`: the JSON that it is answered with.
    """

    token: str
    identity: Identity | None
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
        owners = _owners_of_all(publications)
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


def _owners_of_all(publications: Sequence[Publication]) -> dict[int, tuple[int, list[int]]]:
    """place → the caller and the owner of each event, as primary keys; those that may publish without a question."""
    tokens = find_tokens({one.token for one in publications if one.identity is None})
    holders = {token: holder_of(row) for token, row in tokens.items()}
    named = {account for one in publications for account in named_accounts(one.addressed)}
    accounts = find_accounts(named | {one.identity.account_id for one in publications if one.identity})
    found = {}
    for place, one in enumerate(publications):
        caller, scopes = _caller(one, holders, accounts)
        if caller is None or not caller.is_active or not may_publish(scopes, one.addressed):
            continue
        try:
            owners = owners_of(caller, one.addressed, accounts)
            admit(owners, may_query=False)
        except (OwnersRefused, QuotaExceeded):
            continue
        found[place] = caller.pk, owners
    return found


def _caller(
    one: Publication, holders: Mapping[str, Any], accounts: Mapping[str, User]
) -> tuple[User | None, Collection[str]]:
    """The user and the scopes; no user if the token is not valid, or changes what is known of its user."""
    if one.identity is None:
        holder = holders.get(one.token)
        return (holder[0], holder[1].scopes) if holder else (None, ())
    user = accounts.get(one.identity.account_id)
    if user is None or not is_known(user, one.identity):
        return None, ()
    return user, USER_SCOPES

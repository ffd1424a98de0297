"""What several requests publish in one transaction, and what is left to the view."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from invenicum.accounts.callers import Bearer
from invenicum.accounts.invenicum_tokens import Identity
from invenicum.accounts.models import User
from invenicum.accounts.services import provisioned
from invenicum.accounts.tokens import issue_token
from invenicum.events.models import Event
from invenicum.events.publications import Publication, answer_with, publish_together
from invenicum.events.services import write_incoming
from invenicum.events.signals import events_published
from tests.factories import connect_webhook
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db

LATER = datetime(2100, 1, 1, tzinfo=UTC)
CREATED = {"event": "asset.created", "data": {"assetId": "asset-1"}}


def publication(
    token: str = "", identity: Identity | None = None, key: str = "", events: Sequence[dict[str, Any]] = (CREATED,)
) -> Publication:
    contents = write_incoming(events)
    return Publication(Bearer(token, identity), events, contents, answer_with(contents, len(events) > 1), key, "digest")


def app_user(account_id: str, email: str | None = None) -> Identity:
    return Identity(account_id, email, None, None, LATER)


def test_all_that_is_simple_is_published_with_its_deliveries_and_announced_once(alice: User, bob: User) -> None:
    announced: list[list[Event]] = []

    def listen(events: list[Event], **_: Any) -> None:
        announced.append(events)

    connect_webhook(alice)
    first, second = issue_token(alice), issue_token(bob)
    events_published.connect(listen)
    try:
        assert publish_together([publication(first), publication(second), publication(first)]) == [True] * 3
    finally:
        events_published.disconnect(listen)
    assert [[event.owner_id for event in events] for events in announced] == [[alice.pk, bob.pk, alice.pk]]
    assert Event.objects.count() == 3
    assert Delivery.objects.count() == 2


def test_the_number_of_statements_is_that_of_one_request(alice: User) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite keys are stored one after the other")
    connect_webhook(alice)
    token = issue_token(alice)
    counts = []
    for size in (1, 50):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            publish_together([publication(token, key=f"{size}-{number}") for number in range(size)])
        counts.append(len(queries))
    assert counts[0] == counts[1] < 8


def test_a_key_that_was_used_or_comes_twice_is_published_once(alice: User) -> None:
    token = issue_token(alice)
    assert publish_together([publication(token, key="a")]) == [True]
    again = publish_together([publication(token, key=key) for key in ("a", "b", "b", "")])
    assert (again[0], sorted(again[1:3]), again[3]) == (False, [False, True], True)
    assert Event.objects.count() == 3


def test_whom_a_token_of_this_server_does_not_let_publish_is_left_to_the_view(alice: User, bob: User) -> None:
    named = ({**CREATED, "owner": bob.public_id},)
    other = issue_token(alice, ["assets:write"])
    service = issue_token(alice, ["events:write", "events:publish-any"])
    stranger = ({**CREATED, "owner": "user-456"},)
    found = publish_together(
        [
            publication("unknown"),
            publication(other),
            publication(issue_token(alice), events=named),
            publication(service, events=stranger),
            publication(service, events=named),
        ]
    )
    assert found == [False, False, False, False, True]
    assert Event.objects.get().owner == bob


def test_a_token_of_invenicum_publishes_if_it_tells_nothing_new(alice: User) -> None:
    users = provisioned(["1", "2", "3", "4"])
    User.objects.filter(account_id="2").update(email="old@example.com")
    User.objects.filter(account_id="3").update(is_active=False)
    User.objects.filter(account_id="4").update(removed_before=timezone.now())
    identities = [app_user("1"), app_user("2", "new@example.com"), app_user("3"), app_user("4"), app_user("5")]
    assert publish_together([publication(identity=one) for one in identities]) == [True, False, False, False, False]
    assert Event.objects.get().owner == users["1"]
    assert not User.objects.filter(account_id="5").exists()


def test_who_is_above_a_quota_does_not_keep_others_from_publishing(alice: User, bob: User, settings: Any) -> None:
    settings.QUOTA_EVENTS_PER_MINUTE = 2
    first, second = issue_token(alice), issue_token(bob)
    found = publish_together([publication(token) for token in (first, first, first, second)])
    assert found == [True, True, False, True]

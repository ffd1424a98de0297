from typing import Any

from django.db import connection

from invenicum.accounts.callers import Bearer
from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from invenicum.assets.grouped_creation import NewAsset, create_together
from invenicum.assets.models import Asset
from invenicum.events.models import Event
from tests.factories import connect_webhook
from webhooks.models import Delivery


def wanted(owner: User, scope: str = "assets:write", **values: Any) -> NewAsset:
    return NewAsset(Bearer(issue_token(owner, [scope]), None), {"name": "Product Photo.jpg", **values})


def test_many_assets_of_many_owners_are_created_with_their_events_and_deliveries(
    alice: User, charlie: User, django_assert_max_num_queries: Any
) -> None:
    connect_webhook(alice)
    asked = [wanted(owner, asset_id=f"asset-{number}") for owner in (alice, charlie) for number in range(10)]
    most = 11 if connection.vendor == "postgresql" else 13  # SQLite asks for the last number of each owner
    with django_assert_max_num_queries(most):
        answers = create_together(asked)
    assert all(answers)
    assert Asset.objects.filter(owner=alice).count() == Asset.objects.filter(owner=charlie).count() == 10
    created = Event.objects.filter(owner=charlie, name="asset.created")
    assert {event.payload["data"]["createdBy"] for event in created} == {charlie.public_id}
    assert Delivery.objects.filter(owner=alice).count() == 10
    assert not Delivery.objects.filter(owner=charlie).exists()


def test_an_id_that_exists_or_is_there_twice_is_left_to_the_view(alice: User, charlie: User) -> None:
    create_together([wanted(alice, asset_id="taken")])
    asked = [wanted(alice, asset_id=asset_id) for asset_id in ("taken", "new", "new")]
    answers = create_together([*asked, wanted(charlie, asset_id="new")])
    assert [answer is not None for answer in answers] == [False, True, False, True]
    assert Asset.objects.filter(owner=alice).count() == 2


def test_a_token_without_the_scope_creates_nothing(alice: User) -> None:
    assert create_together([wanted(alice, "assets:read")]) == [None]
    assert not Asset.objects.exists()


def test_an_owner_at_the_quota_is_left_to_the_view(alice: User, charlie: User, settings: Any) -> None:
    settings.QUOTA_ASSETS = 1
    answers = create_together([wanted(alice), wanted(charlie)])
    assert all(answers)
    assert create_together([wanted(alice)]) == [None]

from collections.abc import Callable
from typing import Any

import pytest

from invenicum.accounts.models import User
from invenicum.assets.models import Asset
from invenicum.events.models import Event

Api = Callable[..., Any]


def test_a_service_removes_an_account_with_all_its_data(api: Api, alice: User, bob: User) -> None:
    Asset.objects.create(owner=bob, asset_id="b-1", name="Bob's")
    Asset.objects.create(owner=alice, asset_id="a-1", name="Alice's")
    response = api(alice, "accounts:write").delete(f"/api/v1/accounts/{bob.public_id}")
    assert (response.status_code, response.json()) == (200, {"data": {"id": bob.public_id}})
    assert not User.objects.filter(pk=bob.pk).exists()
    assert list(Asset.objects.values_list("asset_id", flat=True)) == ["a-1"]
    assert {event.owner_id for event in Event.objects.all()} == {alice.pk}


def test_an_unknown_account_is_not_found_and_an_invalid_id_is_refused(api: Api, alice: User, bob: User) -> None:
    client = api(alice, "accounts:write")
    assert client.delete(f"/accounts/user-{bob.id}").status_code == 404
    refused = client.delete(f"/accounts/{bob.id}")
    assert (refused.status_code, list(refused.json()["details"])) == (400, ["id"])
    assert User.objects.count() == 2


@pytest.mark.parametrize("scopes", [(), ("integrations:write", "events:publish-any")])
def test_no_user_may_remove_an_account(api: Api, alice: User, bob: User, scopes: tuple[str, ...]) -> None:
    for user in (alice, bob):
        assert api(alice, *scopes).delete(f"/accounts/{user.public_id}").status_code == 403
    assert User.objects.count() == 2

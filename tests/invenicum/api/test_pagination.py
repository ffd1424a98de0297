from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invenicum.accounts.models import User
from invenicum.assets.models import Asset
from tests.api_client import Api


@pytest.fixture
def assets(alice: User, bob: User) -> None:
    """Five of Alice's between Bob's."""
    for number in range(5):
        Asset.objects.create(owner=alice, asset_id=f"a{number}", name="Alice's")
        Asset.objects.create(owner=bob, asset_id=f"b{number}", name="Bob's")


def ids(page: Any) -> list[str]:
    return [asset["assetId"] for asset in page["data"]]


def test_pages_lead_from_the_newest_to_the_oldest_and_back(api: Api, alice: User, assets: None) -> None:
    client = api(alice)
    first = client.get("/api/v1/assets?limit=2").json()
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    assert [ids(first), ids(second), ids(third)] == [["a4", "a3"], ["a2", "a1"], ["a0"]]
    assert (first["previous"], third["next"]) == (None, None)
    assert ids(client.get(third["previous"]).json()) == ["a2", "a1"]
    back = client.get(second["previous"]).json()
    assert ids(back) == ["a4", "a3"]
    assert (back["previous"], back["next"]) == (None, first["next"])


def test_links_keep_the_address_and_the_rest_of_the_query(api: Api, alice: User, assets: None) -> None:
    link = api(alice).get("/assets?limit=2&x=y").json()["next"]
    assert link.startswith("http://testserver/assets?")
    assert "limit=2" in link
    assert "x=y" in link


def test_new_and_deleted_rows_shift_no_page(api: Api, alice: User, assets: None) -> None:
    client = api(alice)
    first = client.get("/assets?limit=2").json()
    Asset.objects.create(owner=alice, asset_id="new", name="New")
    Asset.objects.get(asset_id="a3").delete()
    second = client.get(first["next"]).json()
    assert ids(second) == ["a2", "a1"]
    assert ids(client.get(second["previous"]).json()) == ["new", "a4"][-2:]


def test_a_cursor_of_another_user_shows_only_the_callers_rows(
    api: Api, alice: User, bob: User, charlie: User, assets: None
) -> None:
    link = api(alice).get("/assets?limit=2").json()["next"]
    assert ids(api(bob).get(link).json()) == ["b2", "b1"]
    assert api(charlie).get(link).json() == {"data": [], "next": None, "previous": None}


@pytest.mark.parametrize("limit", ["0", "-1", "101", "1000", "ten", "", "1.5", "²"])
def test_a_limit_out_of_bounds_is_refused(api: Api, alice: User, limit: str) -> None:
    response = api(alice).get("/assets", {"limit": limit})
    assert (response.status_code, list(response.json()["details"])) == (400, ["limit"])


@pytest.mark.parametrize("cursor", ["", "x", "n" + "g" * 32, "n" + "0" * 31, "n" + "0" * 32 + "\n", "q" + "0" * 32])
def test_an_invalid_cursor_is_refused(api: Api, alice: User, cursor: str) -> None:
    response = api(alice).get("/assets", {"cursor": cursor})
    assert (response.status_code, list(response.json()["details"])) == (400, ["cursor"])


def test_every_page_takes_the_same_two_statements(api: Api, alice: User, assets: None) -> None:
    client = api(alice)
    link = client.get("/assets?limit=2").json()["next"]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(link)
    assert sum('FROM "assets_asset"' in query["sql"] for query in queries) == 2

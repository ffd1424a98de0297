from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client

from invenicum.accounts.models import User
from invenicum.events.publish import publish
from invenicum.operations.site import ConsoleSite
from tests.factories import connect_webhook


@pytest.fixture
def delivery(alice: User) -> None:
    connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "a"})


def lists() -> Iterator[str]:
    for model in admin.site._registry:
        yield f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def test_the_admin_is_the_console_with_its_own_navigation_and_look(admin_client: Client) -> None:
    assert isinstance(admin.site, ConsoleSite)
    page = admin_client.get("/admin/records/").content.decode()
    for words in ("Overview", "Integrations", "Deliveries", "Audit", "Records"):
        assert f">{words}</a>" in page
    assert 'href="/admin/records/" aria-current="page"' in page
    assert "admin/css/" not in page


def test_every_list_is_a_page_of_the_console_without_inline_style_or_script(
    admin_client: Client, delivery: None
) -> None:
    addresses = list(lists())
    assert len(addresses) > 12
    for address in addresses:
        answer = admin_client.get(address)
        page = answer.content.decode()
        assert answer.status_code == 200, address
        assert page.count("<h1>") == 1, address
        assert " style=" not in page, address
        assert "<style" not in page, address
        assert "onclick" not in page, address


def test_a_row_of_a_list_names_its_columns_for_phones(admin_client: Client, delivery: None) -> None:
    assert (
        '<td data-label="Status" class="field-status">'
        in admin_client.get("/admin/webhooks/delivery/").content.decode()
    )


def test_filters_are_menus_that_say_what_is_chosen(admin_client: Client, delivery: None) -> None:
    page = admin_client.get("/admin/webhooks/delivery/?status__exact=failed").content.decode()
    assert "<summary>Status: <b>Failed</b></summary>" in page
    assert "Nothing matches." in page


def test_staff_see_links_to_what_they_may_view_only(client: Client, bob: User) -> None:
    bob.is_staff = True
    bob.save()
    bob.user_permissions.set(Permission.objects.filter(codename="view_delivery"))
    client.force_login(bob)
    page = client.get("/admin/records/").content.decode()
    assert ">Deliveries</a>" in page
    assert ">Integrations</a>" not in page
    assert ">Audit</a>" not in page


def test_only_staff_open_it(client: Client, charlie: User) -> None:
    client.force_login(charlie)
    for address in ("/admin/", "/admin/records/"):
        answer: Any = client.get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")

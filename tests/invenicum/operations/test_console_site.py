from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client

from invenicum.accounts.models import User
from invenicum.audit.models import AuditEntry
from invenicum.events.publish import publish
from invenicum.operations.site import ConsoleSite
from tests.factories import connect_webhook
from webhooks.models import Delivery


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
    for words in ("Overview", "Failures", "Integrations", "Deliveries", "Audit", "Records"):
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
        '<td data-label="State" class="field-state">' in admin_client.get("/admin/webhooks/delivery/").content.decode()
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


def test_an_action_of_a_list_is_counted_confirmed_and_in_the_audit_trail(admin_client: Client, delivery: None) -> None:
    Delivery.objects.update(status="failed")
    chosen = {"action": "retry", "_selected_action": [str(Delivery.objects.get().pk)], "select_across": "0"}
    page = admin_client.post("/admin/webhooks/delivery/", chosen).content.decode()
    assert "This is about 1 delivery." in page
    assert Delivery.objects.get().status == "failed"
    admin_client.post("/admin/webhooks/delivery/", {**chosen, "post": "yes"})
    assert Delivery.objects.get().status == "pending"
    entry = AuditEntry.objects.get(action="staff_action")
    assert (entry.owner, entry.detail) == (
        User.objects.get(username="alice"),
        "Retry the selected deliveries: 1 deliveries",
    )


def test_failures_are_a_page_of_their_own_in_the_navigation(admin_client: Client, delivery: None) -> None:
    page = admin_client.get("/admin/webhooks/delivery/", {"error_class": "any"}).content.decode()
    assert 'error_class=any" aria-current="page">Failures</a>' in page
    assert page.count('aria-current="page"') == 1

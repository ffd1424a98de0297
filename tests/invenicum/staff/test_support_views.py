"""Staff see the portal as a user does: read-only, for a quarter of an hour, with a banner, an entry and a mail."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.utils import timezone

from integrations.models import Integration
from invenicum.accounts.models import PortalSession, User
from invenicum.accounts.services import remove
from invenicum.audit.models import AuditEntry
from tests.factories import SECRET, connect_webhook

from .conftest import enrolled, password_given

pytestmark = pytest.mark.django_db
WEBHOOK = "/portal/services/webhook"
REASON = "Ticket 4711: nothing arrives"


@pytest.fixture
def support(ops: User) -> Client:
    return password_given("ops")


def see_as(client: Client, user: User, reason: str = REASON) -> Any:
    return client.post(f"/portal/support/{user.pk}", {"reason": reason})


def test_support_sees_what_alice_sees_and_a_banner_on_every_page(alice: User, support: Client) -> None:
    connect_webhook(alice)
    asked = support.get(f"/admin/accounts/user/{alice.pk}/see-as/").content.decode()
    assert "alice@example.com is told by mail" in asked
    assert f'action="/portal/support/{alice.pk}"' in asked
    assert see_as(support, alice)["Location"] == "/portal"
    for path in ("/portal", WEBHOOK, "/portal/deliveries", f"{WEBHOOK}/preview"):
        page = support.get(path)
        assert page.status_code == 200
        text = page.content.decode()
        assert "You see what alice@example.com sees." in text
        assert "in 15 min" in text
        assert SECRET not in text


def test_support_changes_nothing(alice: User, support: Client) -> None:
    connect_webhook(alice)
    see_as(support, alice)
    token = support.get("/portal").context["visitor"].form_token
    for path in ("pause", "ping", "secret", "disconnect", "connect"):
        answer = support.post(f"{WEBHOOK}/{path}", {"token": token, "do": "save", "url": "https://evil.example.com"})
        assert answer.status_code == 403, path
    assert Integration.objects.get().is_active
    assert support.get(f"{WEBHOOK}/disconnect").status_code == 403


def test_alice_is_told_by_mail_and_the_trail_has_who_and_why(
    alice: User, ops: User, support: Client, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        see_as(support, alice)
    [sent] = mail.outbox
    assert sent.to == ["alice@example.com"]
    assert "our support looks at your integrations" in sent.subject
    assert REASON in sent.body
    assert "after 15 minutes" in sent.body
    opened = AuditEntry.objects.get(action="support_view_opened")
    assert (opened.owner, opened.actor, opened.detail, opened.address) == (alice, ops, REASON, "127.0.0.1")


def test_without_a_reason_nothing_opens(alice: User, support: Client) -> None:
    assert see_as(support, alice, "  ")["Location"] == f"/admin/accounts/user/{alice.pk}/see-as/"
    assert not PortalSession.objects.exists()


def test_the_view_is_ended_and_leads_back_to_the_user(alice: User, ops: User, support: Client) -> None:
    see_as(support, alice)
    token = support.get("/portal").context["visitor"].form_token
    left = support.post("/portal/leave", {"token": token})
    assert left["Location"] == f"/admin/accounts/user/{alice.pk}/change/"
    assert not PortalSession.objects.exists()
    assert AuditEntry.objects.get(action="support_view_ended").actor == ops


def test_it_ends_after_fifteen_minutes_and_says_so(alice: User, support: Client) -> None:
    see_as(support, alice)
    session = PortalSession.objects.get()
    assert session.expires_at - session.opened_at == timedelta(minutes=15)
    PortalSession.objects.update(expires_at=timezone.now())
    ended = support.get("/portal")
    assert ended.status_code == 403
    assert "The view has ended" in ended.content.decode()
    assert "alice" not in support.get("/portal").content.decode()  # the next page is the supporter's own


@pytest.mark.parametrize("change", [{"is_staff": False}, {"is_active": False}])
def test_it_ends_with_the_rights_of_the_supporter(alice: User, ops: User, support: Client, change: Any) -> None:
    see_as(support, alice)
    User.objects.filter(pk=ops.pk).update(**change)
    assert support.get("/portal").status_code == 403


def test_it_ends_when_the_supporter_signs_out(alice: User, support: Client) -> None:
    see_as(support, alice)
    support.post("/admin/logout/")
    assert not PortalSession.objects.exists()


def test_it_goes_with_either_account(alice: User, ops: User, support: Client) -> None:
    see_as(support, alice)
    remove(alice)
    assert not PortalSession.objects.exists()


def test_only_staff_with_the_permission_and_the_second_factor_may(
    alice: User, charlie: User, ops: User, client: Client
) -> None:
    assert see_as(client, alice).status_code == 403
    client.force_login(charlie)
    assert see_as(client, alice).status_code == 403
    charlie.is_staff = True
    charlie.save()
    assert see_as(client, alice).status_code == 403
    assert client.get(f"/admin/accounts/user/{alice.pk}/see-as/").status_code == 403
    charlie.user_permissions.add(Permission.objects.get(codename="see_as_user"))
    assert see_as(client, alice).status_code == 303
    enrolled(ops)
    assert see_as(password_given("ops"), alice).status_code == 403


def test_another_site_cannot_open_it(alice: User, ops: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ops)
    assert see_as(client, alice).status_code == 403
    assert not PortalSession.objects.exists()


def test_the_view_opens_no_page_of_the_console(alice: User, support: Client) -> None:
    see_as(support, alice)
    cookie = support.cookies["invenicum_portal"]
    assert (cookie["path"], cookie["httponly"]) == ("/portal", True)
    other = Client()
    other.cookies["invenicum_portal"] = cookie.value
    assert other.get("/admin/accounts/user/").status_code == 302
    assert other.get("/portal").status_code == 200

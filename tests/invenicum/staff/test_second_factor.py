"""The admin of who has a second factor opens with a code, and that of all staff if the setting says so."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.audit.models import AuditEntry
from invenicum.staff.models import Authenticator, RecoveryCodes

from .conftest import ASK, SET_UP, code_of, enrolled, password_given

pytestmark = pytest.mark.django_db
USERS = "/admin/accounts/user/"


def sees_admin(client: Client) -> bool:
    return client.get(USERS).status_code == 200


def let_throttles_end() -> None:
    for model in (Authenticator, RecoveryCodes):
        model.objects.update(throttling_failure_timestamp=timezone.now() - timedelta(days=1))


def test_without_one_the_password_is_enough_unless_staff_need_one(ops: User, settings: Any) -> None:
    client = password_given()
    assert sees_admin(client)
    settings.STAFF_SECOND_FACTOR = True
    assert not sees_admin(client)
    assert client.get(USERS, follow=True).redirect_chain[-1][0].startswith(SET_UP)


def test_setting_up_shows_a_picture_a_key_and_recovery_codes_once(ops: User) -> None:
    client = password_given()
    page = client.get(SET_UP).content.decode()
    key = Authenticator.objects.get(user=ops).key
    assert "<svg" in page
    assert "viewBox" in page  # without it, a smaller picture is a part of the code
    assert "style=" not in page
    assert client.get(SET_UP).content.decode().count("<path") == page.count("<path")
    refused = client.post(SET_UP, {"code": "000000"})
    assert (refused.status_code, "not right" in refused.content.decode()) == (422, True)
    let_throttles_end()
    shown = client.post(SET_UP, {"code": code_of(ops, confirmed=False)})
    assert shown.status_code == 200
    assert "no-store" in shown["Cache-Control"]
    assert sees_admin(client)
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM staff_authenticator")
        assert key not in str(cursor.fetchall())
    assert AuditEntry.objects.filter(action="factor_added", owner=ops).exists()


def test_who_has_one_is_asked_after_the_password_whichever_door_was_taken(ops: User) -> None:
    enrolled(ops)
    for path in ("/admin/login/", "/signin"):
        client = password_given(path=path)
        assert not sees_admin(client)
        asked = client.get(USERS, follow=True)
        assert asked.redirect_chain[-1][0].startswith(ASK)
        assert "six digits" in asked.content.decode()
        # Neither can another app be set up, nor the present one be removed, with the password alone.
        assert client.get(SET_UP)["Location"] == ASK
        client.post(f"{ASK}remove/")
        client.post(f"{ASK}codes/")
    assert Authenticator.objects.filter(user=ops, confirmed=True).count() == 1


def test_a_right_code_opens_the_page_that_was_asked_for_and_works_once(ops: User) -> None:
    enrolled(ops)
    client, code = password_given(), code_of(ops, steps_ahead=1)
    key = client.session.session_key
    answer = client.post(ASK, {"code": f"{code[:3]} {code[3:]}", "next": USERS})
    assert answer["Location"] == USERS
    assert sees_admin(client)
    assert client.session.session_key != key
    again = password_given()
    assert again.post(ASK, {"code": code}).status_code == 422
    assert not sees_admin(again)
    assert AuditEntry.objects.filter(action="factor_failed", owner=ops).count() == 1


def test_after_wrong_codes_not_even_the_right_one_is_looked_at_for_a_time(ops: User) -> None:
    enrolled(ops)
    client = password_given()
    for _ in range(5):
        client.post(ASK, {"code": "000000"})
        let_throttles_end()
    client.post(ASK, {"code": "000000"})
    refused = client.post(ASK, {"code": code_of(ops, steps_ahead=1)})
    assert (refused.status_code, "Try again in" in refused.content.decode()) == (422, True)
    let_throttles_end()
    assert client.post(ASK, {"code": code_of(ops, steps_ahead=1)}).status_code == 302


def test_guessing_for_days_keeps_the_owner_out_for_an_hour_at_most(ops: User) -> None:
    enrolled(ops)
    long_ago = timezone.now() - timedelta(minutes=59)
    Authenticator.objects.update(throttling_failure_count=40, throttling_failure_timestamp=long_ago)
    assert password_given().post(ASK, {"code": code_of(ops, steps_ahead=1)}).status_code == 422
    Authenticator.objects.update(throttling_failure_timestamp=long_ago - timedelta(minutes=1))
    assert password_given().post(ASK, {"code": code_of(ops, steps_ahead=1)}).status_code == 302


def test_a_recovery_code_works_once_however_it_is_typed(ops: User) -> None:
    _, codes = enrolled(ops)
    assert len(set(codes)) == 10
    assert password_given().post(ASK, {"code": codes[0].upper().replace("-", " ")}).status_code == 302
    assert password_given().post(ASK, {"code": codes[0]}).status_code == 422
    used = AuditEntry.objects.get(action="recovery_code_used")
    assert (used.owner, used.detail) == (ops, "9 are left.")
    stored = str(RecoveryCodes.objects.values_list())
    assert not any(code in stored or code.replace("-", "") in stored for code in codes)


def test_new_recovery_codes_replace_the_old_ones(ops: User) -> None:
    client, old = enrolled(ops)
    page = client.post(f"{ASK}codes/").content.decode()
    assert not any(code in page for code in old)
    assert password_given().post(ASK, {"code": old[0]}).status_code == 422


def test_it_is_removed_by_its_user_a_colleague_or_the_command(ops: User) -> None:
    client, _ = enrolled(ops)
    client.post(f"{ASK}remove/")
    assert sees_admin(password_given())
    other = User.objects.create_superuser("other", password="x")
    colleague = Client()
    colleague.force_login(other)
    row = enrolled(ops) and Authenticator.objects.get(user=ops)
    colleague.post("/admin/staff/authenticator/", {"action": "remove", "post": "yes", "_selected_action": [row.pk]})
    removed = AuditEntry.objects.filter(action="factor_removed").latest("id")
    assert (removed.owner, removed.actor) == (ops, other)
    enrolled(ops)
    call_command("remove_second_factor", "ops")
    assert not Authenticator.objects.exists()


def test_another_site_is_not_where_the_code_leads(ops: User) -> None:
    enrolled(ops)
    for wanted in ("https://evil.example.com/", "//evil.example.com", "/portal"):
        client = password_given()
        let_throttles_end()
        Authenticator.objects.update(last_step=-1)
        assert client.post(ASK, {"code": code_of(ops), "next": wanted})["Location"] == "/admin/"


def test_only_staff_see_these_pages(alice: User, client: Client) -> None:
    client.force_login(alice)
    for path in (ASK, SET_UP, f"{ASK}manage/"):
        assert client.get(path)["Location"].startswith("/admin/login/")
    assert not Authenticator.objects.exists()


def test_staff_without_permissions_see_nothing(client: Client, alice: User) -> None:
    client.force_login(User.objects.create_user("new", is_staff=True))
    for address in (USERS, "/admin/audit/auditentry/", "/admin/staff/authenticator/", "/admin/webhooks/delivery/"):
        assert client.get(address).status_code == 403
    page = client.get("/admin/records/").content.decode()
    assert "/admin/accounts/user/" not in page
    assert "alice" not in page

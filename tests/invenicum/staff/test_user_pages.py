"""Staff see and end the sessions of a user."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from invenicum.accounts.models import BrowserSession, User
from invenicum.audit.models import AuditEntry

from .conftest import PASSWORD, password_given

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(alice: User) -> Client:
    alice.set_password(PASSWORD)
    alice.save()
    client = Client(REMOTE_ADDR="203.0.113.1", headers={"User-Agent": "Firefox of Alice"})
    client.post("/signin", {"username": "alice", "password": PASSWORD})
    return client


def address(user: User) -> str:
    return f"/admin/accounts/user/{user.pk}/sessions/"


def test_one_session_is_ended(alice: User, ops: User, browser: Client) -> None:
    staff = password_given("ops")
    assert address(alice) in staff.get(f"/admin/accounts/user/{alice.pk}/change/").content.decode()
    page = staff.get(address(alice))
    text = page.content.decode()
    assert "Firefox of Alice" in text
    assert "203.0.113.1" in text
    assert str(browser.session.session_key) not in text
    [session] = page.context["sessions"]
    done = staff.post(address(alice), {"session": session.id}, follow=True)
    assert "1 session was ended." in done.content.decode()
    assert browser.get("/portal").status_code == 302
    entry = AuditEntry.objects.get(action="session_ended")
    assert (entry.owner, entry.actor) == (alice, ops)


def test_all_sessions_are_ended_but_that_of_who_does_it(alice: User, ops: User, browser: Client) -> None:
    staff = password_given("ops")
    password_given("ops")
    assert "this browser" in staff.get(address(ops)).content.decode()
    staff.post(address(ops))
    assert staff.get(address(ops)).status_code == 200
    staff.post(address(alice))
    assert BrowserSession.objects.filter(user=alice).count() == 0
    assert BrowserSession.objects.filter(user=ops).count() == 1


def test_staff_need_the_permissions(alice: User, browser: Client) -> None:
    new = User.objects.create_user("new", password=PASSWORD, is_staff=True)
    staff = password_given("new")
    assert staff.get(address(alice)).status_code == 403
    new.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert staff.get(address(alice)).status_code == 200
    assert staff.post(address(alice)).status_code == 403
    assert browser.get("/portal").status_code == 200

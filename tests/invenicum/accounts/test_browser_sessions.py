"""Sessions are listed for their user, and ended, whether a browser signed in or opened a link."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from invenicum.accounts import browser_sessions
from invenicum.accounts.models import BrowserSession, PortalSession, User
from invenicum.accounts.session_store import SessionStore
from invenicum.audit.models import AuditEntry
from tests.invenicum.portal.conftest import code_of

pytestmark = pytest.mark.django_db
HERE = "203.0.113.1"


@pytest.fixture(autouse=True)
def quick_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


def signed_in(user: User, agent: str = "Firefox") -> Client:
    if not user.has_usable_password():
        user.set_password("right")
        user.save()
    client = Client(REMOTE_ADDR=HERE, headers={"User-Agent": agent})
    client.post("/signin", {"username": user.username, "password": "right"})
    return client


def by_link(user: User) -> Client:
    client = Client(REMOTE_ADDR=HERE, headers={"User-Agent": "Safari"})
    assert client.post("/portal/open", {"code": code_of(user)}).status_code == 303
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/portal").status_code == 200


def test_a_user_sees_their_sessions_with_address_and_browser(alice: User, bob: User) -> None:
    client = signed_in(alice)
    by_link(alice)
    signed_in(bob)
    current = browser_sessions.session_id(str(client.session.session_key))
    linked, typed = browser_sessions.open_sessions(alice, current)
    assert (typed.address, typed.browser, typed.is_current, typed.has_link) == (HERE, "Firefox", True, False)
    assert (linked.address, linked.browser, linked.is_current, linked.has_link) == (HERE, "Safari", False, True)
    assert typed.opened_at
    assert typed.opened_at > timezone.now() - timedelta(minutes=1)
    assert str(client.session.session_key) not in str([linked, typed])


def test_the_time_of_signing_in_stays_when_the_session_is_saved_again(alice: User) -> None:
    client = signed_in(alice)
    before = browser_sessions.open_sessions(alice)[0].opened_at
    session = client.session
    session["more"] = 1
    session.save()
    assert browser_sessions.open_sessions(alice)[0].opened_at == before


def test_one_session_is_ended_and_the_others_stay(alice: User) -> None:
    one, other, third = signed_in(alice), by_link(alice), signed_in(alice, "Chrome")
    [chosen] = [found for found in browser_sessions.open_sessions(alice) if found.browser == "Firefox"]
    assert browser_sessions.end(alice, chosen.id)
    assert not browser_sessions.end(alice, chosen.id)
    assert not is_signed_in(one)
    assert is_signed_in(other)
    assert is_signed_in(third)
    assert AuditEntry.objects.get(action="session_ended").owner == alice


def test_all_but_the_present_session_are_ended(alice: User, bob: User) -> None:
    present, other, linked, of_bob = signed_in(alice), signed_in(alice), by_link(alice), signed_in(bob)
    current = browser_sessions.session_id(str(present.session.session_key))
    assert browser_sessions.end_all(alice, but=current) == 2
    assert is_signed_in(present)
    assert is_signed_in(of_bob)
    assert not is_signed_in(other)
    assert linked.get("/portal").status_code == 403


def test_a_user_cannot_end_the_session_of_another(alice: User, charlie: User) -> None:
    client = signed_in(alice)
    chosen = browser_sessions.open_sessions(alice)[0].id
    assert not browser_sessions.end(charlie, chosen)
    assert is_signed_in(client)


def test_sessions_that_have_ended_are_not_listed_and_are_removed(alice: User) -> None:
    signed_in(alice)
    by_link(alice)
    BrowserSession.objects.update(expire_date=timezone.now() - timedelta(days=1))
    PortalSession.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert browser_sessions.open_sessions(alice) == []
    SessionStore.clear_expired()
    assert not BrowserSession.objects.exists()


def test_the_session_of_a_browser_without_a_user_belongs_to_nobody() -> None:
    session = SessionStore()
    session["state"] = "of OAuth"
    session.save()
    row = BrowserSession.objects.get()
    assert (row.user, row.opened_at) == (None, None)


def test_the_sessions_of_a_removed_user_go(alice: User) -> None:
    signed_in(alice)
    alice.delete()
    assert not BrowserSession.objects.exists()

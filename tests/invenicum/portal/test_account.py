"""Tokens, sessions, language and mails of a visitor."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from invenicum.accounts.lookups import find_token
from invenicum.accounts.models import PortalSession, User
from invenicum.accounts.own_tokens import make_token
from invenicum.accounts.tokens import issue_token
from invenicum.mail import send_to_owner
from invenicum.quotas import QuotaExceeded

from .conftest import Portal, code_of
from .forms import Form

pytestmark = pytest.mark.django_db
ACCOUNT = "/portal/account"


def signed_in(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def send(browser: Client, **values: Any) -> Any:
    """Sends a form of the page, as one of its buttons does."""
    token = re.search(r'name="token" value="([0-9a-f]+)"', browser.get(ACCOUNT).content.decode())
    return browser.post(ACCOUNT, {"token": token[1] if token else "", **values})


def mark_in(browser: Client, action: str) -> list[str]:
    page = browser.get(ACCOUNT).content.decode()
    return re.findall(rf'name="mark" value="([0-9a-f]+)"><button class="[^"]*" name="do" value="{action}"', page)


def test_a_token_is_made_shown_once_and_revoked(alice: User) -> None:
    browser = signed_in(alice)
    made = send(browser, do="token", scope=["assets:read"], days="30")
    found = re.search(r'<code id="new-token">([^<]+)</code>', made.content.decode())
    assert found
    row = find_token(found[1])
    assert row is not None
    assert (row.user, row.scope) == (alice, "assets:read")
    assert found[1] not in browser.get(ACCOUNT).content.decode()
    assert made["Cache-Control"] == "no-store"
    [mark] = mark_in(browser, "revoke")
    assert send(browser, do="revoke", mark=mark)["Location"].endswith("?done=revoked")
    assert find_token(found[1]) is None


@pytest.mark.parametrize("values", [{"scope": []}, {"scope": ["accounts:write"]}, {"days": "9999"}, {"days": "x"}])
def test_a_token_may_no_more_than_its_user_and_not_for_ever(alice: User, values: dict[str, Any]) -> None:
    refused = send(signed_in(alice), do="token", **{"scope": ["assets:read"], "days": "30"} | values)
    assert refused.status_code == 422


def test_tokens_are_bounded(alice: User, settings: Any) -> None:
    settings.QUOTA_TOKENS = 1
    make_token(alice, ["assets:read"], 7)
    with pytest.raises(QuotaExceeded):
        make_token(alice, ["assets:read"], 7)
    assert (
        "There can be 1 access tokens"
        in send(signed_in(alice), do="token", scope=["assets:read"], days="7").content.decode()
    )


def test_who_came_by_a_link_makes_no_token_and_ends_with_the_one_revoked(alice: User) -> None:
    token = issue_token(alice)
    browser = Client()
    browser.post("/portal/open", {"code": code_of(alice, token=token)})
    send(browser, do="token", scope=["assets:read"], days="30")
    send(browser, do="end-all")
    page = browser.get(ACCOUNT).content.decode()
    assert "Make a token" not in page
    assert "opened this session" in page
    [mark] = mark_in(browser, "revoke")
    send(browser, do="revoke", mark=mark)
    assert "Open again from Invenicum" in browser.get(ACCOUNT).content.decode()


def test_sessions_are_listed_and_ended(portal: Portal, alice: User, charlie: User) -> None:
    here, there, looking = portal(alice), portal(alice), portal(alice, read_only=True)
    page = here.get(ACCOUNT).content.decode()
    assert page.count("this one") == 1
    assert "looks on" in page
    marks = mark_in(here, "end")
    assert len(marks) == 2
    for mark in [*marks, "x", ""]:
        assert send(portal(charlie), do="end", mark=mark)["Location"] == ACCOUNT
    assert looking.post(ACCOUNT, {"do": "end", "mark": marks[0]}).status_code == 403
    for mark in marks:
        assert send(here, do="end", mark=mark)["Location"].endswith("?done=ended")
    assert there.get(ACCOUNT).status_code == looking.get(ACCOUNT).status_code == 403
    assert PortalSession.objects.filter(owner=alice).count() == 1


def test_all_other_browsers_are_signed_out(alice: User) -> None:
    here, there = signed_in(alice), signed_in(alice)
    assert there.get(ACCOUNT).status_code == 200
    send(here, do="end-all")
    assert here.get(ACCOUNT).status_code == 200
    assert there.get(ACCOUNT).status_code == 302


def test_mails_are_switched_off_and_on(portal: Portal, alice: User) -> None:
    browser = portal(alice)
    for values, count in (({}, 0), ({"mail_alerts": "on"}, 1)):
        send(browser, do="mail", **values)
        alice.refresh_from_db()
        send_to_owner(alice, "deliveries fail", "…")
        assert len(mail.outbox) == count


def test_the_language_is_chosen(portal: Portal, alice: User) -> None:
    for browser in (portal(alice), signed_in(alice)):
        send(browser, do="language", language="de")
        assert '<html lang="de"' in browser.get(ACCOUNT).content.decode()
        send(browser, do="language", language="tlh")
        assert '<html lang="de"' in browser.get(ACCOUNT).content.decode()


def test_another_users_tokens_are_neither_seen_nor_revoked(
    portal: Portal, alice: User, charlie: User, django_assert_max_num_queries: Any
) -> None:
    token = make_token(alice, ["assets:write"], 7)
    [mark, *_] = mark_in(signed_in(alice), "revoke")
    browser = signed_in(charlie)
    with django_assert_max_num_queries(10):
        assert "assets:write" not in browser.get(ACCOUNT).content.decode().split("New token")[0]
    assert send(browser, do="revoke", mark=mark)["Location"] == ACCOUNT
    assert find_token(token) is not None
    assert Form(portal(charlie).get(ACCOUNT)).values

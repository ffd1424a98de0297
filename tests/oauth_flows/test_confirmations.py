"""Connections that an app started in a browser, and confirms."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.accounts.services import remove
from oauth_flows.clients import client_for
from oauth_flows.models import Grant, Revocation, UnconfirmedConnection
from tests.api_client import Api
from tests.audit_trail import connection_entries
from tests.fakes.authorization_server import AuthorizationServer
from tests.oauth_flows.connected import connected_drive
from tests.oauth_flows.consent import Consent
from tests.oauth_flows.native_app import CALLBACK, CONFIRM, confirm, consent, press, result_of, start
from tests.oauth_flows.test_authorizations import begin, leaked
from tests.waiting import WAIT_DEADLINE_SECONDS
from webhooks import duties

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("native")]


def unconfirmed(api: Api, owner: User, person: Consent) -> str:
    """The result code of a flow that `owner` started and `person` consented to in another browser."""
    return result_of(consent(Client(), start(api(owner)), person))


def assert_refused(answer: object) -> None:
    assert answer.status_code == 400  # type: ignore[attr-defined]
    assert answer.json() == {  # type: ignore[attr-defined]
        "success": False,
        "message": "This result has expired, was used already, or belongs to another user. Please start again.",
        "error": "OAUTH_ERROR",
    }


def actions() -> list[str]:
    return list(connection_entries().order_by("id").values_list("action", flat=True))


def test_an_app_connects_by_confirming(drive: AuthorizationServer, ada: Consent, alice: User, api: Api) -> None:
    app, browser = api(alice), Client()
    back = consent(browser, start(app), ada)
    result = result_of(back)
    assert back["Location"] == f"invenicum://oauth?status=unconfirmed&type=google_drive&result={result}"
    assert back["Referrer-Policy"] == "no-referrer"
    assert len(result) >= 43  # 256 bits as base64
    assert not Integration.objects.exists()
    assert app.get("/api/v1/integrations/status").json()["data"]["google_drive"] is False
    answer = confirm(app, result)
    grant = connected_drive(answer, alice, drive)
    assert grant.scopes == ["openid", "email", "https://www.googleapis.com/auth/drive.file"]
    assert not UnconfirmedConnection.objects.exists()
    assert actions() == ["consented", "connected"]
    consented, connected = connection_entries().order_by("id")
    assert (consented.owner, consented.actor, consented.account) == (alice, None, "ada@example.com")
    assert (connected.owner, connected.actor) == (alice, alice)


def test_the_time_until_the_confirmation_counts_for_the_token(ada: Consent, alice: User, api: Api) -> None:
    result = unconfirmed(api, alice, ada)
    UnconfirmedConnection.objects.update(issued_at=timezone.now() - timedelta(seconds=300))
    assert confirm(api(alice), result).status_code == 200
    expires_at = Grant.objects.get().expires_at
    assert expires_at
    assert 3200 < (expires_at - timezone.now()).total_seconds() <= 3300


def test_a_web_app_gets_the_result_on_its_page(ada: Consent, alice: User, api: Api) -> None:
    link = start(api(alice), "https://app.example.com/integrations?tab=storage&result=x#top")
    back = consent(Client(), link, ada)
    query = f"tab=storage&status=unconfirmed&type=google_drive&result={result_of(back)}"
    assert back["Location"] == f"https://app.example.com/integrations?{query}#top"


def test_a_result_works_once(ada: Consent, alice: User, api: Api) -> None:
    result, app = unconfirmed(api, alice, ada), api(alice)
    assert confirm(app, result).status_code == 200
    assert_refused(confirm(app, result))
    assert Grant.objects.count() == 1


def test_a_confirmation_that_is_sent_again_after_a_lost_answer_gets_that_answer(
    ada: Consent, alice: User, bob: User, api: Api
) -> None:
    body, key = {"result": unconfirmed(api, alice, ada)}, {"Idempotency-Key": "7f3c"}
    assert_refused(api(bob).post(CONFIRM, body, headers=key))
    first, again = (api(alice).post(CONFIRM, body, headers=key) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert actions() == ["consented", "connect_failed", "connected"]  # the refusal is in the audit trail too


def test_a_link_that_another_person_was_tricked_into_opening_connects_nothing(
    drive: AuthorizationServer, ada: Consent, alice: User, bob: User, api: Api
) -> None:
    """RFC 9700, 4.7: Alice starts; Bob, who has the app too, opens the link and consents with his account."""
    victims_browser = Client()
    result = result_of(consent(victims_browser, start(api(alice)), ada))
    token = UnconfirmedConnection.objects.get().tokens["access"]
    assert_refused(confirm(api(bob), result))  # Bob's phone hands the result to Bob's app
    assert not Integration.objects.exists()
    entry = connection_entries().get(action="connect_failed")
    assert (entry.owner, entry.actor) == (alice, bob)
    # Nothing in Bob's browser lets Alice's account be connected in another way.
    again = victims_browser.get(f"{CALLBACK.replace('callback', 'authorize')}", headers={"Sec-Fetch-Site": "none"})
    assert again.status_code == 401
    duties.run_all("connections", "jobs")
    assert drive.knows(token)
    UnconfirmedConnection.objects.update(expires_at=timezone.now())
    duties.run_all("connections", "jobs")
    assert not drive.knows(token)
    assert not UnconfirmedConnection.objects.exists()
    assert not Revocation.objects.exists()
    assert actions()[-2:] == ["not_confirmed", "revoked"]
    assert_refused(confirm(api(alice), result))


def test_an_unknown_result_gets_the_same_error_as_another_users(ada: Consent, alice: User, bob: User, api: Api) -> None:
    result = unconfirmed(api, alice, ada)
    for wrong in (result[:-1], "", "x" * 43, "é", "a" * 5000):
        assert_refused(confirm(api(bob), wrong))
    assert_refused(confirm(api(bob), result))
    assert confirm(api(alice), result).status_code == 200  # a wrong attempt of another user changes nothing


def test_a_result_that_has_expired_connects_nothing(ada: Consent, alice: User, api: Api) -> None:
    result = unconfirmed(api, alice, ada)
    left = UnconfirmedConnection.objects.get().expires_at - timezone.now()
    assert 590 < left.total_seconds() <= 600
    UnconfirmedConnection.objects.update(expires_at=timezone.now())
    assert_refused(confirm(api(alice), result))


def test_only_the_browser_that_pressed_the_button_can_come_back(ada: Consent, alice: User, api: Api) -> None:
    """4.7: the address of the provider, of a flow under way, is sent to another person."""
    app, browser = api(alice), Client()
    redirect = press(browser, start(app))
    parameters = ada.allow(redirect["Location"])
    begin(app)  # Alice's own mark is no mark of the link
    press(victim := Client(), start(app))  # and neither is that of another link in another browser
    for other in (Client(), app, victim):
        assert other.get(CALLBACK, parameters).status_code == 400
    assert not UnconfirmedConnection.objects.exists()
    assert result_of(browser.get(CALLBACK, parameters))


def test_a_flow_of_the_browsers_own_user_continues_next_to_a_link(
    ada: Consent, alice: User, bob: User, api: Api
) -> None:
    browser = api(bob)
    parameters = ada.allow(begin(browser)["authorizationUrl"])
    anonymous = Client()
    anonymous.cookies = browser.cookies
    press(anonymous, start(api(alice)))
    assert anonymous.get(CALLBACK, parameters).status_code == 200
    assert Integration.objects.get().owner == bob


def test_another_account_that_is_connected_stays_until_the_confirmation(ada: Consent, alice: User, api: Api) -> None:
    app = api(alice)
    app.get(CALLBACK, ada.allow(begin(app)["authorizationUrl"]))
    before = Grant.objects.get()
    result = unconfirmed(api, alice, ada)
    assert Grant.objects.get().generation == before.generation
    assert confirm(app, result).status_code == 200
    assert Grant.objects.get().generation == before.generation + 1
    assert actions() == ["connected", "consented", "reconnected"]


def test_tokens_that_are_not_confirmed_are_not_revoked_under_a_connection_of_the_account(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    """Google ends all connections of an account with one token."""
    app = api(alice)
    app.get(CALLBACK, ada.allow(begin(app)["authorizationUrl"]))
    unconfirmed(api, alice, ada)
    UnconfirmedConnection.objects.update(expires_at=timezone.now())
    duties.run_all("connections", "jobs")
    assert drive.knows(Grant.objects.get().access_token)
    assert "another connection uses the account" in connection_entries().latest("id").detail


def test_a_connection_that_ends_does_not_revoke_what_is_to_be_confirmed(
    drive: AuthorizationServer, ada: Consent, alice: User, bob: User, api: Api
) -> None:
    app = api(bob)
    app.get(CALLBACK, ada.allow(begin(app)["authorizationUrl"]))
    result = unconfirmed(api, alice, ada)
    Grant.objects.get().integration.delete()
    client = client_for("google_drive")
    of_client = {"type": client.type, "client_id": client.client_id, "servers": client.servers}
    Revocation.objects.create(
        **of_client, owner_id=alice.pk, account="ada@example.com", tokens={}, due_at=timezone.now()
    )
    duties.run_all("connections", "jobs")
    assert "another connection uses the account" in connection_entries().latest("id").detail
    assert confirm(api(alice), result).status_code == 200


def test_what_was_granted_for_a_user_who_is_removed_is_revoked(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    unconfirmed(api, alice, ada)
    token = UnconfirmedConnection.objects.get().tokens["access"]
    remove(alice)
    assert not UnconfirmedConnection.objects.exists()
    duties.run_all("connections", "jobs")
    assert not drive.knows(token)


def test_a_client_that_was_replaced_before_the_confirmation_connects_nothing(
    ada: Consent, alice: User, api: Api, settings: Settings
) -> None:
    result = unconfirmed(api, alice, ada)
    settings.OAUTH_CLIENTS = {"google_drive": ("another", "secret")}
    answer = confirm(api(alice), result)
    assert (answer.status_code, answer.json()["error"]) == (400, "OAUTH_ERROR")
    assert "set-up of this server has changed" in answer.json()["message"]
    assert not Integration.objects.exists()


def test_neither_tokens_nor_result_are_stored_in_clear(ada: Consent, alice: User, api: Api) -> None:
    result = unconfirmed(api, alice, ada)
    kept = UnconfirmedConnection.objects.get()
    assert leaked([result, kept.tokens["access"], kept.tokens["refresh"]]) == []
    assert kept.tokens["access"] not in f"{kept!r} {kept}"


def test_confirming_needs_a_user_the_right_scope_and_a_result(alice: User, api: Api) -> None:
    assert Client().post(CONFIRM, {"result": "x"}, "application/json").status_code == 401
    assert api(alice, "integrations:read").post(CONFIRM, {"result": "x"}).status_code == 403
    refused = api(alice).post(CONFIRM, {}, headers={"Accept": "text/html"})
    assert (refused.status_code, refused.json()["details"]) == (400, {"result": ["this field is required"]})


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite lets one thread write at a time")
def test_of_two_confirmations_at_the_same_moment_one_wins(ada: Consent, alice: User, api: Api) -> None:
    result = unconfirmed(api, alice, ada)
    barrier = Barrier(8, timeout=WAIT_DEADLINE_SECONDS)
    apps = [api(alice) for _ in range(8)]

    def call(number: int) -> int:
        try:
            barrier.wait()
            status: int = confirm(apps[number], result).status_code
            return status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(call, range(8))) == [200] + [400] * 7
    assert actions().count("connected") == 1
    assert Grant.objects.count() == 1

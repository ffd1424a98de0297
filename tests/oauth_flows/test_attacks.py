"""The attacks on a client that RFC 9700 describes, each against the real routes."""

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from oauth_flows.models import Authorization, Grant
from oauth_flows.return_urls import is_allowed_return
from tests.api_client import Api
from tests.audit_trail import connection_entries
from tests.fakes.authorization_server import AuthorizationServer
from tests.oauth_flows.consent import Consent
from tests.oauth_flows.test_authorizations import AUTHORIZE, CALLBACK, PAGE, begin
from tests.waiting import WAIT_DEADLINE_SECONDS
from webhooks import duties

pytestmark = pytest.mark.django_db


def assert_refused(answer: Any, says: str = "") -> None:
    """400 OAUTH_ERROR with a sentence, and nothing stored."""
    body = answer.json()
    assert (answer.status_code, body["error"], body["success"]) == (400, "OAUTH_ERROR", False)
    assert says in body["message"]
    assert body["message"].endswith(".")
    assert not Grant.objects.exists()
    assert not Integration.objects.exists()


def test_cross_site_request_forgery_has_no_state(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    """4.7: a victim's browser is sent to the callback with the attacker's code."""
    attacker = Client()
    stolen = ada.allow(begin(api(alice))["authorizationUrl"])
    before = len(drive.log())
    for parameters in ({"code": stolen["code"]}, {"code": stolen["code"], "state": ""}, {**stolen, "state": "x" * 43}):
        assert_refused(attacker.get(CALLBACK, parameters), "another browser")
    assert drive.log()[before:] == []  # no code was even tried


def test_a_code_cannot_be_injected_into_another_session(
    drive: AuthorizationServer, ada: Consent, alice: User, bob: User, api: Api
) -> None:
    """4.5: the attacker puts a stolen code into an authorization of their own."""
    stolen = ada.allow(begin(api(alice))["authorizationUrl"])
    attacker = api(bob)
    own = begin(attacker)
    answer = attacker.get(CALLBACK, {"code": stolen["code"], "state": own["state"], "iss": stolen["iss"]})
    assert_refused(answer)  # the attacker's authorization has another proof key
    assert drive.log()[-1]["status"] == 400


def test_a_callback_of_another_session_is_refused_and_leaves_the_authorization_alone(
    drive: AuthorizationServer, ada: Consent, alice: User, bob: User, api: Api
) -> None:
    """Session swap: a victim follows the attacker's callback link, and would connect the attacker's account."""
    client, victim = api(alice), api(bob)
    begin(victim)
    parameters = ada.allow(begin(client)["authorizationUrl"])
    assert_refused(victim.get(CALLBACK, parameters), "another browser")
    assert_refused(Client().get(CALLBACK, parameters), "another browser")
    assert client.get(CALLBACK, parameters).status_code == 200


def test_a_user_who_signs_in_after_another_does_not_inherit_their_authorization(
    drive: AuthorizationServer, ada: Consent, alice: User, bob: User, api: Api
) -> None:
    browser = api(alice)
    parameters = ada.allow(begin(browser)["authorizationUrl"])
    browser.get(AUTHORIZE, headers={"Authorization": f"Bearer {issue_token(bob)}"})
    assert_refused(browser.get(CALLBACK, parameters))


def test_another_users_token_at_the_callback_is_refused(
    drive: AuthorizationServer, ada: Consent, alice: User, bob: User, api: Api
) -> None:
    browser = api(alice)
    parameters = ada.allow(begin(browser)["authorizationUrl"])
    assert_refused(browser.get(CALLBACK, parameters, headers={"Authorization": f"Bearer {issue_token(bob)}"}))


def test_a_state_works_once(drive: AuthorizationServer, ada: Consent, alice: User, api: Api) -> None:
    """4.2.4: replay."""
    client = api(alice)
    parameters = ada.allow(begin(client)["authorizationUrl"])
    assert client.get(CALLBACK, parameters).status_code == 200
    again = client.get(CALLBACK, parameters)
    assert (again.status_code, again.json()["error"]) == (400, "OAUTH_ERROR")
    assert Grant.objects.count() == 1


def test_a_state_is_used_up_by_a_failure_too(drive: AuthorizationServer, ada: Consent, alice: User, api: Api) -> None:
    client = api(alice)
    begun = begin(client)
    parameters = ada.allow(begun["authorizationUrl"])
    assert_refused(client.get(CALLBACK, {"state": begun["state"], "error": "access_denied"}), "not granted")
    assert_refused(client.get(CALLBACK, parameters), "already been used")


def test_a_state_is_valid_for_ten_minutes(drive: AuthorizationServer, ada: Consent, alice: User, api: Api) -> None:
    client = api(alice)
    parameters = ada.allow(begin(client)["authorizationUrl"])
    left = Authorization.objects.get().expires_at - timezone.now()
    assert 590 < left.total_seconds() <= 600
    Authorization.objects.update(expires_at=timezone.now())
    assert_refused(client.get(CALLBACK, parameters), "ten minutes")


def test_an_answer_at_another_types_callback_is_refused(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    """4.4: mix-up, by the redirect URI that each type has of its own."""
    client = api(alice)
    parameters = ada.allow(begin(client)["authorizationUrl"])
    before = len(drive.log())
    assert_refused(client.get(CALLBACK.replace("google_drive", "github"), parameters), "another service")
    assert drive.log()[before:] == []


@pytest.mark.parametrize("issuer", ["https://evil.example.com", "http://127.0.0.1:1/o", "", "://"])
def test_an_answer_of_another_issuer_is_refused(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api, issuer: str
) -> None:
    """4.4 and RFC 9207: mix-up, by the issuer."""
    client = api(alice)
    parameters = ada.allow(begin(client)["authorizationUrl"])
    assert parameters["iss"].startswith(drive.url)
    before = len(drive.log())
    assert_refused(client.get(CALLBACK, {**parameters, "iss": issuer}), "another server")
    assert drive.log()[before:] == []


def test_a_repeated_parameter_is_refused(drive: AuthorizationServer, ada: Consent, alice: User, api: Api) -> None:
    client = api(alice)
    parameters = ada.allow(begin(client)["authorizationUrl"])
    for name in ("state", "code", "iss"):
        assert_refused(client.get(CALLBACK, {**parameters, name: [parameters[name], "other"]}), "twice")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/",
        "https://app.example.com.evil.com/",
        "https://app.example.com@evil.com/",
        "https://app.example.com:8443/",
        "http://app.example.com/",
        "//app.example.com/",
        "/integrations",
        "https:app.example.com",
        "https://app.example.com\\@evil.com/",
        "https://app.example.com\t.evil.com/",
        "https://APP.example.com/",
        "https://ápp.example.com/",
        "javascript:alert(1)//https://app.example.com",
        "https://[app.example.com/",
        "https://app.example.com/" + "a" * 2000,
    ],
)
def test_the_return_url_leads_nowhere_else(drive: AuthorizationServer, alice: User, api: Api, url: str) -> None:
    """4.11: open redirectors."""
    assert_refused(api(alice).get(AUTHORIZE, {"returnUrl": url}), "returnUrl")
    assert not Authorization.objects.exists()


def test_the_return_url_may_be_any_page_of_an_allowed_origin() -> None:
    origins = ["https://app.example.com/", "http://localhost:3000"]
    for url in ("https://app.example.com", "https://app.example.com/a?b=c#d", "http://localhost:3000/x"):
        assert is_allowed_return(url, origins)
    assert not is_allowed_return("https://app.example.com/", [])


def test_a_return_url_in_the_callback_is_ignored(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    client = api(alice)
    parameters = ada.allow(begin(client)["authorizationUrl"])
    answer = client.get(CALLBACK, {**parameters, "returnUrl": "https://evil.example.com"}, headers=PAGE)
    assert answer.status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", None])
def test_another_site_cannot_begin_an_authorization_for_its_visitors(
    drive: AuthorizationServer, alice: User, api: Api, site: str | None
) -> None:
    """4.7.1: an authorization that the victim did not ask for, to connect an account that is not theirs."""
    browser = api(alice)
    begin(browser)
    browser.force_login(alice)
    headers = {**PAGE, "Authorization": ""} | ({"Sec-Fetch-Site": site} if site else {})
    assert browser.get(AUTHORIZE, headers=headers).status_code == 401
    allowed = browser.get(AUTHORIZE, headers={**headers, "Sec-Fetch-Site": "none"})
    assert allowed.status_code == 302


def test_beginning_needs_a_user_and_the_right_scope(drive: AuthorizationServer, alice: User, api: Api) -> None:
    assert Client().get(AUTHORIZE).status_code == 401
    assert api(alice, "integrations:read").get(AUTHORIZE).status_code == 403


def test_a_disabled_user_cannot_finish(drive: AuthorizationServer, ada: Consent, alice: User, api: Api) -> None:
    client = api(alice)
    parameters = ada.allow(begin(client)["authorizationUrl"])
    alice.is_active = False
    alice.save()
    assert_refused(Client(cookies=None).get(CALLBACK, parameters))
    anonymous = Client()
    anonymous.cookies = client.cookies
    assert_refused(anonymous.get(CALLBACK, parameters))


def test_what_a_provider_says_of_an_error_is_shown_as_text(drive: AuthorizationServer, alice: User, api: Api) -> None:
    client = api(alice)
    state = begin(client)["state"]
    page = client.get(CALLBACK, {"state": state, "error": "<script>alert(1)</script>"}, headers=PAGE)
    assert page.status_code == 400
    assert "<script>alert" not in page.content.decode()
    assert "&lt;script&gt;" in page.content.decode()


def test_an_error_that_no_database_stores_is_refused_like_any_other(
    drive: AuthorizationServer, alice: User, api: Api
) -> None:
    client = api(alice)
    assert_refused(client.get(CALLBACK, {"state": begin(client)["state"], "error": "a\0b"}), "(a b)")
    assert connection_entries().get().detail.count("(a b)") == 1


def test_every_failure_is_audited_with_its_user_and_reason(drive: AuthorizationServer, alice: User, api: Api) -> None:
    client = api(alice)
    client.get(CALLBACK, {"state": begin(client)["state"], "error": "access_denied"})
    [entry] = connection_entries()
    assert (entry.action, entry.owner, entry.type) == ("connect_failed", alice, "google_drive")
    assert "not granted" in entry.detail


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite lets one thread write at a time")
def test_of_two_callbacks_at_the_same_moment_one_wins(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api, settings: Settings
) -> None:
    """4.2.4: replay, as a race."""
    settings.OUTGOING_AT_ONCE = 8
    client = api(alice)
    parameters = ada.allow(begin(client)["authorizationUrl"])
    start = Barrier(8, timeout=WAIT_DEADLINE_SECONDS)

    def call(_: int) -> int:
        browser = Client()
        browser.cookies = client.cookies
        try:
            start.wait()
            return browser.get(CALLBACK, parameters).status_code
        finally:
            connections.close_all()

    before = len(drive.log())
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(call, range(8))) == [200] + [400] * 7
    assert len(drive.log()[before:]) == 1


def test_neither_code_nor_state_nor_token_is_in_any_log(
    drive: AuthorizationServer,
    ada: Consent,
    alice: User,
    api: Api,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    client = api(alice)
    begun = begin(client)
    parameters = ada.allow(begun["authorizationUrl"])
    client.get(CALLBACK, parameters, headers=PAGE)
    client.get(CALLBACK, parameters)  # refused
    grant = Grant.objects.get()
    Grant.objects.update(refresh_at=timezone.now())
    duties.run_all()
    client.delete("/api/v1/integrations/google_drive")
    duties.run_all()
    # The test's own statements to the database, which are not logged in production, are left out.
    written = "\n".join(record.getMessage() for record in caplog.records if record.name != "django.db.backends")
    written += "".join(capfd.readouterr())
    assert "Bad Request: /api/v1/integrations/oauth/callback/google_drive" in written
    for secret in (parameters["code"], parameters["state"], grant.access_token, grant.refresh_token):
        assert secret not in written

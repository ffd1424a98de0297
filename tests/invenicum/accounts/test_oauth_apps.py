"""Apps that act for users: authorization code with PKCE (RFC 6749, section 4.1; RFC 7636), and attacks (RFC 9700)."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Grant

from invenicum.accounts.models import Application, User

from .oauth_client import CALLBACK, Attempt, ask_token, assets, basic, browser_of, csrf_token, register, sent_back

SERVICE, WEB_APP, PUBLIC_APP = Application.Kind


@pytest.fixture
def app(db: None) -> Application:
    return register(PUBLIC_APP)


def refresh(app: Application, token: str) -> Any:
    return ask_token(grant_type="refresh_token", refresh_token=token, client_id=app.client_id)


def test_a_user_allows_an_app_and_it_acts_for_them(app: Application, alice: User) -> None:
    attempt = Attempt(app)
    answer = sent_back(attempt.answer(alice))
    assert (answer["state"], answer["iss"]) == ("a-state", "http://localhost:8000")
    tokens = attempt.redeem(answer["code"]).json()
    assert (tokens["scope"], tokens["expires_in"]) == ("assets:read", 3600)
    assert assets(tokens["access_token"]) == 200
    again = refresh(app, tokens["refresh_token"]).json()
    assert assets(again["access_token"]) == 200
    assert assets(tokens["access_token"]) == 401  # the new one has replaced it


def test_an_app_with_a_secret_has_to_give_it(alice: User) -> None:
    app = register(WEB_APP)
    attempt = Attempt(app)
    code = attempt.code(alice)
    assert attempt.redeem(code).json()["error"] == "invalid_client"
    assert attempt.redeem(code, basic(app, "wrong")).json()["error"] == "invalid_client"
    assert "access_token" in attempt.redeem(code, basic(app)).json()


def test_an_app_without_a_secret_cannot_authenticate_with_one(app: Application, alice: User) -> None:
    attempt = Attempt(app)
    code = attempt.code(alice)
    assert attempt.redeem(code, basic(app, "")).json()["error"] == "invalid_client"


def test_a_user_who_refuses_shares_nothing(app: Application, alice: User) -> None:
    answer = sent_back(Attempt(app).answer(alice, allow=""))
    assert answer == {"error": "access_denied", "state": "a-state", "iss": "http://localhost:8000"}


def test_the_page_names_the_app_its_scopes_and_the_destination(app: Application, alice: User) -> None:
    page = Attempt(app, scope="assets:read assets:write").open(alice).content.decode()
    for said in ("Label Printer asks for access", "alice", "See your assets", "Create, change", "app.example.com"):
        assert said in page
    assert "See your integrations" not in page


def test_a_user_has_to_sign_in_first(app: Application) -> None:
    answer = Attempt(app).open(None)
    assert answer["Location"].startswith("/signin?next=/oauth/authorize%3F")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"response_type": "token"}, "unauthorized_client"),
        ({"response_type": "code token"}, "unauthorized_client"),
        ({"scope": "events:publish-any"}, "invalid_scope"),
        ({"scope": "integrations:read"}, "invalid_scope"),
        ({"resource": "https://elsewhere.example.com"}, "invalid_target"),
    ],
)
def test_an_invalid_request_is_redirected_with_its_error(
    app: Application, alice: User, changes: dict[str, Any], error: str
) -> None:
    attempt = Attempt(app, **changes)
    response = attempt.open(alice)
    if response.status_code == 200:  # some errors are found only after the user's answer, or with the code
        response = attempt.answer(alice)
    answer = sent_back(response)
    if "code" in answer:
        answer = attempt.redeem(answer["code"]).json() | {"iss": "http://localhost:8000"}
    assert (answer["error"], answer["iss"]) == (error, "http://localhost:8000")
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "unknown"},
        {"client_id": None},
        {"client_id": "\0"},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": f"{CALLBACK}/more"},
        {"redirect_uri": f"{CALLBACK}?x=1"},
        {"redirect_uri": f"{CALLBACK}#x"},
        {"redirect_uri": CALLBACK.upper()},
        {"redirect_uri": "https://app.example.com@evil.example/callback"},
        {"redirect_uri": "https://app.example.com:444/callback"},
        {"redirect_uri": "javascript:alert(1)"},
    ],
)
def test_no_browser_is_sent_to_an_address_that_is_not_registered(
    app: Application, alice: User, changes: dict[str, Any]
) -> None:
    for user in (alice, None):
        response = Attempt(app, **changes).open(user)
        assert response.status_code == 400
        assert "Location" not in response
        assert "evil.example" not in response.content.decode()


def test_a_loopback_app_may_listen_on_any_port(alice: User) -> None:
    app = register(PUBLIC_APP, redirect_uris="http://127.0.0.1/callback com.example.app:/signed-in")
    for uri in ("http://127.0.0.1:51004/callback", "com.example.app:/signed-in"):
        assert Attempt(app, redirect_uri=uri).answer(alice)["Location"].startswith(f"{uri}?code=")
        refused = Attempt(app, redirect_uri=uri, scope="accounts:write").open(alice)
        assert refused["Location"].startswith(f"{uri}?error=invalid_scope")
    assert Attempt(app, redirect_uri="http://127.0.0.1:x;y/callback").open(alice).status_code == 400


def test_a_code_works_once_for_its_app_with_its_verifier_and_address(app: Application, alice: User) -> None:
    other = register(PUBLIC_APP)
    attempt = Attempt(app)
    for changes in (
        {"code_verifier": "x" * 43},
        {"code_verifier": ""},
        {"redirect_uri": f"{CALLBACK}2"},
        {"client_id": other.client_id},
    ):
        assert attempt.redeem(attempt.code(alice), **changes).status_code in (400, 401)
    code = attempt.code(alice)
    assert attempt.redeem(code).status_code == 200
    assert attempt.redeem(code).json()["error"] == "invalid_grant"


def test_a_code_does_not_outlive_a_minute(app: Application, alice: User) -> None:
    attempt = Attempt(app)
    code = attempt.code(alice)
    Grant.objects.update(expires=timezone.now())
    assert attempt.redeem(code).json()["error"] == "invalid_grant"


def test_a_refresh_token_that_is_used_twice_ends_the_access(app: Application, alice: User) -> None:
    first = Attempt(app).tokens(alice)
    second = refresh(app, first["refresh_token"]).json()
    assert refresh(app, first["refresh_token"]).json()["error"] == "invalid_grant"  # it has been copied
    assert assets(second["access_token"]) == 401
    assert refresh(app, second["refresh_token"]).json()["error"] == "invalid_grant"


def test_another_app_cannot_use_a_refresh_token(app: Application, alice: User) -> None:
    tokens = Attempt(app).tokens(alice)
    assert refresh(register(PUBLIC_APP), tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_revoking_the_access_token_revokes_its_refresh_token(app: Application, alice: User) -> None:
    tokens = Attempt(app).tokens(alice)
    form = {"token": tokens["access_token"], "client_id": app.client_id}
    assert Client().post("/oauth/revoke", form).status_code == 200
    assert assets(tokens["access_token"]) == 401
    assert refresh(app, tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_deactivated_user_is_refused_everywhere(app: Application, alice: User) -> None:
    attempt = Attempt(app)
    tokens, code = attempt.tokens(alice), attempt.code(alice)
    User.objects.update(is_active=False)
    assert assets(tokens["access_token"]) == 401
    assert attempt.redeem(code).json()["error"] == "invalid_grant"
    assert refresh(app, tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_consent_is_asked_for_every_time(app: Application, alice: User) -> None:
    Attempt(app).tokens(alice)
    assert Attempt(app, approval_prompt="auto").open(alice).status_code == 200
    assert sent_back(Attempt(app, prompt="none").open(None))["error"] == "login_required"


def test_a_form_of_another_site_gives_no_consent(app: Application, alice: User) -> None:
    attempt = Attempt(app)
    response = browser_of(alice).post(attempt.url, {**attempt.asked, "allow": "yes"})
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()
    assert not Grant.objects.exists()


def test_a_form_with_other_contents_gets_no_more(app: Application, alice: User) -> None:
    attempt = Attempt(app)
    assert sent_back(attempt.answer(alice, scope="accounts:write"))["error"] == "invalid_scope"
    for changes in ({"redirect_uri": "https://evil.example/"}, {"client_id": "unknown"}, {"client_id": ""}):
        response = attempt.answer(alice, **changes)
        assert response.status_code == 400
        assert "Location" not in response
    assert not Grant.objects.exists()


def test_the_consent_page_cannot_be_framed_and_runs_no_script(app: Application, alice: User) -> None:
    response = Attempt(app).open(alice)
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://app.example.com;" in policy
    assert response["X-Frame-Options"] == "DENY"
    assert response["Cache-Control"] == "no-store"
    assert "<script" not in response.content.decode()


def test_what_alice_allows_shows_an_app_nothing_of_charlies(app: Application, alice: User, charlie: User) -> None:
    Client().post(
        "/assets",
        {"assetId": "of-charlie", "name": "x"},
        "application/json",
        headers={"Authorization": f"Bearer {Attempt(app, scope='assets:write').tokens(charlie)['access_token']}"},
    )
    token = Attempt(app).tokens(alice)["access_token"]
    answer = Client().get("/assets", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["data"] == []


def test_another_account_can_be_used(app: Application, alice: User) -> None:
    attempt, browser = Attempt(app), browser_of(alice)
    token = csrf_token(browser.get(attempt.url).content.decode())
    response = browser.post("/signout", {"next": attempt.url, "csrfmiddlewaretoken": token})
    assert response["Location"] == attempt.url
    assert browser.get(attempt.url)["Location"].startswith("/signin?next=")

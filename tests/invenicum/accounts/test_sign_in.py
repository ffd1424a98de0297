from typing import Any

import pytest
from django.test import Client

from invenicum.accounts.models import User

from .oauth_client import browser_of, csrf_token

PASSWORD = "correct horse battery staple"


@pytest.fixture
def alice(alice: User) -> User:
    alice.set_password(PASSWORD)
    alice.save()
    return alice


def sign_in(next_page: str = "", **changes: str) -> Any:
    browser = browser_of(None)
    token = csrf_token(browser.get("/signin").content.decode())
    form = {"username": "alice", "password": PASSWORD, "next": next_page, "csrfmiddlewaretoken": token, **changes}
    return browser.post("/signin", form)


def test_signing_in_redirects_to_the_page_that_was_asked_for(alice: User) -> None:
    assert sign_in("/oauth/authorize?client_id=x")["Location"] == "/oauth/authorize?client_id=x"
    assert sign_in()["Location"] == "/signin"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "\t//e.example",
    ],
)
def test_signing_in_redirects_to_no_other_site(alice: User, elsewhere: str) -> None:
    assert sign_in(elsewhere)["Location"] == "/signin"


def test_a_wrong_password_is_reported_at_its_field_and_does_not_say_who_exists(alice: User) -> None:
    pages = []
    for name in ("alice", "unknown"):
        response = sign_in(username=name, password="wrong")
        assert response.status_code == 200
        pages.append(response.content.decode())
        assert 'role="alert"' in pages[-1]
        assert '<a href="#id_password">The user name or the password is not correct' in pages[-1]
        assert 'aria-describedby="id_password_error"' in pages[-1]
        assert 'id="id_password_error"' in pages[-1]
        assert "wrong" not in pages[-1]
    assert "_auth_user_id" not in response.wsgi_request.session


def test_each_missing_field_is_reported(alice: User) -> None:
    page = sign_in(username="", password="").content.decode()
    assert '<a href="#id_username">Enter your user name.' in page
    assert '<a href="#id_password">Enter your password.' in page


def test_a_deactivated_user_or_one_without_a_password_cannot_sign_in(alice: User) -> None:
    User.objects.create_user("from-the-app")
    for changes in ({"username": "from-the-app", "password": ""}, {"username": "from-the-app", "password": "!"}):
        assert "_auth_user_id" not in sign_in(**changes).wsgi_request.session
    User.objects.update(is_active=False)
    assert "The user name or the password is not correct" in sign_in().content.decode()


def test_deactivating_a_user_ends_their_session(alice: User) -> None:
    browser = browser_of(alice)
    assert "You are signed in" in browser.get("/signin").content.decode()
    User.objects.update(is_active=False)
    assert "You are signed in" not in browser.get("/signin").content.decode()


def test_a_form_of_another_site_signs_no_user_in(alice: User) -> None:
    response = browser_of(None).post("/signin", {"username": "alice", "password": PASSWORD})
    assert response.status_code == 403


def test_signing_out_needs_a_form_of_ours(alice: User) -> None:
    browser = browser_of(alice)
    assert browser.get("/signout")["Location"] == "/signin"
    assert browser.post("/signout").status_code == 403
    page = browser.get("/signin").content.decode()
    assert "You are signed in" in page
    assert "Administration" not in page
    form = {"csrfmiddlewaretoken": csrf_token(page), "next": "https://evil.example/"}
    assert browser.post("/signout", form)["Location"] == "/signin"
    assert "You are signed in" not in browser.get("/signin").content.decode()


def test_the_page_has_labels_a_policy_and_no_script(db: None) -> None:
    response = browser_of(None).get("/signin?next=/docs")
    page = response.content.decode()
    assert '<label for="id_username">User name</label>' in page
    assert 'autocomplete="current-password"' in page
    assert "You sign in there" in page  # which tells users of the app where to sign in
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert "form-action 'self';" in response["Content-Security-Policy"]
    assert "<script" not in page


@pytest.mark.parametrize("path", ["/nothing", "/admin/nothing/", "/oauth/applications", "/oauth/register"])
def test_a_browser_gets_a_page_for_an_unknown_address(path: str, db: None) -> None:
    response = browser_of(User.objects.create_superuser("staff")).get(path)
    assert (response.status_code, response["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing here" in response.content.decode()
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/webhooks/fax", "/nothing"])
def test_a_program_gets_json_for_an_unknown_address(path: str, db: None) -> None:
    accept = "application/json" if path == "/nothing" else "text/html"
    assert Client().get(path, headers={"Accept": accept}).json()["error"] == "NOT_FOUND"

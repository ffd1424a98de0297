"""Guessing passwords and secrets is limited; no account can be locked for ever by others."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from invenicum.accounts.models import Application, SignInAttempts, User
from invenicum.accounts.sign_in_limits import forget_old

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"
HERE, THERE = "203.0.113.1", "198.51.100.2"


@pytest.fixture(autouse=True)
def few(settings: Any) -> None:
    settings.SIGN_IN_FAILURES, settings.SIGN_IN_FAILURES_PER_ACCOUNT, settings.SIGN_IN_FAILURES_PER_ADDRESS = 3, 6, 9
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada", password=PASSWORD, is_staff=True)


def sign_in(password: str, address: str = HERE, path: str = "/signin", username: str = "ada") -> Any:
    form = {"username": username, "password": password}
    return Client(REMOTE_ADDR=address).post(path, form)


@pytest.mark.parametrize("path", ["/signin", "/admin/login/"])
def test_after_some_failures_not_even_the_right_password_is_looked_at(ada: User, path: str) -> None:
    assert [sign_in("wrong", path=path).status_code for _ in range(3)] == [200] * 3
    refused = sign_in(PASSWORD, path=path)
    assert refused.status_code == 429
    assert refused["Content-Type"].startswith("text/html")
    assert "Signing in failed too often. Try again in 15 minutes." in refused.content.decode()
    assert 890 <= int(refused["Retry-After"]) <= 900
    assert sign_in(PASSWORD, THERE, path).status_code == 302


def test_the_admin_and_the_sign_in_page_count_together(ada: User) -> None:
    sign_in("wrong")
    sign_in("wrong", username="ADA ")
    sign_in("wrong", path="/admin/login/")
    assert sign_in(PASSWORD).status_code == 429


def test_a_lock_ends_by_itself_and_attempts_do_not_prolong_it(ada: User) -> None:
    for _ in range(20):
        sign_in("wrong")
    assert SignInAttempts.objects.get(account="ada", address=HERE).failures == 3
    SignInAttempts.objects.exclude(locked_until=None).update(locked_until=timezone.now() - timedelta(seconds=1))
    assert sign_in("wrong").status_code == 200
    assert sign_in(PASSWORD).status_code == 302


def test_failures_long_ago_do_not_count(ada: User) -> None:
    for _ in range(2):
        sign_in("wrong")
    SignInAttempts.objects.update(since=timezone.now() - timedelta(minutes=16))
    for _ in range(2):
        sign_in("wrong")
    assert sign_in(PASSWORD).status_code == 302


def test_an_account_that_is_guessed_from_many_addresses_is_locked_except_where_it_is_known(ada: User) -> None:
    assert sign_in(PASSWORD).status_code == 302
    for number in range(6):
        assert sign_in("wrong", f"192.0.2.{number}").status_code == 200
    assert sign_in(PASSWORD, "192.0.2.99").status_code == 429
    assert sign_in(PASSWORD).status_code == 302
    assert [sign_in("wrong").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_an_address_that_guesses_many_accounts_is_locked(ada: User) -> None:
    for number in range(9):
        assert sign_in("wrong", username=f"user-{number}").status_code == 200
    assert sign_in(PASSWORD).status_code == 429
    assert sign_in(PASSWORD, THERE).status_code == 302


def test_a_network_of_ipv6_counts_as_one_address(ada: User) -> None:
    for number in range(3):
        sign_in("wrong", f"2001:db8:1:2::{number}")
    assert sign_in(PASSWORD, "2001:db8:1:2::9").status_code == 429
    assert sign_in(PASSWORD, "2001:db8:1:3::9").status_code == 302


def test_behind_a_proxy_the_client_s_own_address_counts(ada: User, settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for _ in range(3):
        Client(REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": f"1.1.1.1, {HERE}"}).post(
            "/signin", {"username": "ada", "password": "wrong"}
        )
    assert SignInAttempts.objects.get(account="ada", failures=3, address=HERE).locked_until


def ask(secret: str, address: str = HERE, path: str = "/oauth/token", client_id: str = "svc") -> Any:
    form = {"grant_type": "client_credentials", "token": "x", "client_id": client_id, "client_secret": secret}
    return Client(REMOTE_ADDR=address).post(path, form)


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/introspect", "/oauth/revoke"])
def test_the_secret_of_an_application_cannot_be_guessed(ada: User, path: str) -> None:
    service = Application(name="Service", user=ada, client_id="svc", client_secret="the-secret")
    service.kind = Application.Kind.SERVICE
    service.save()
    assert ask("the-secret").status_code == 200
    for _ in range(3):
        assert ask("wrong", path=path).status_code == 401
    refused = ask("the-secret")
    assert refused.status_code == 429
    assert refused.json()["error"] == "temporarily_unavailable"
    assert int(refused["Retry-After"]) > 800
    assert ask("the-secret", THERE).status_code == 200


def test_the_operator_sees_and_ends_a_lock(ada: User, admin_client: Client) -> None:
    for _ in range(3):
        sign_in("wrong")
    shown = admin_client.get("/admin/accounts/signinattempts/?lock=now")
    [row] = shown.context["cl"].queryset
    assert (row.account, row.address) == ("ada", HERE)
    admin_client.post(
        "/admin/accounts/signinattempts/", {"action": "clear", "post": "yes", "_selected_action": [row.pk]}
    )
    assert sign_in(PASSWORD).status_code == 302


def test_what_no_longer_counts_is_forgotten(ada: User) -> None:
    sign_in(PASSWORD)
    sign_in("wrong", THERE)
    SignInAttempts.objects.update(since=timezone.now() - timedelta(days=1))
    forget_old()
    assert [(row.account, row.address) for row in SignInAttempts.objects.all()] == [("ada", HERE)]

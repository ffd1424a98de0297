import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client, override_settings
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey
from oauth2_provider.models import AccessToken
from pytest_django import Settings

from invenicum.accounts import authentication, services
from invenicum.accounts.models import RemovedAccount, User
from invenicum.accounts.tokens import issue_token

SECRET = "a-secret-that-the-app-and-the-service-share"
INVALID = {"success": False, "message": "Invalid or expired token", "error": "NOT_AUTHENTICATED"}


def ask(token: str, scheme: str = "Bearer") -> Any:
    return Client().get("/assets", headers={"Authorization": f"{scheme} {token}"})


def sign(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    claims = {"userId": "456", "email": "eve@example.com", "name": "Eve", "exp": int(time.time()) + 60, **changes}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": algorithm}, claims, OctKey.import_key(secret), algorithms=[algorithm])


@pytest.fixture
def shared_secret(settings: Settings) -> None:
    settings.INVENICUM_JWT_SECRET = SECRET


def test_a_token_authenticates_its_user(alice: User) -> None:
    assert ask(issue_token(alice)).status_code == 200
    assert ask(issue_token(alice), "bearer").status_code == 200


def test_a_token_is_stored_as_a_digest_only(alice: User) -> None:
    token = issue_token(alice)
    row = AccessToken.objects.get(user=alice)
    assert token not in {str(value) for value in vars(row).values()}


@pytest.mark.parametrize("token", ["", "wrong", "a b", "é", "a.b.c", "x" * 5000])
def test_an_invalid_token_is_refused_with_the_text_that_the_app_checks(token: str, db: None) -> None:
    response = ask(token)
    assert (response.status_code, response.json()) == (401, INVALID)
    assert response["WWW-Authenticate"] == "Bearer"


def test_an_expired_token_is_refused_with_the_same_text(alice: User) -> None:
    response = ask(issue_token(alice, lifetime=timedelta(seconds=-1)))
    assert (response.status_code, response.json()) == (401, INVALID)


def test_a_revoked_token_is_refused(alice: User) -> None:
    token = issue_token(alice)
    AccessToken.objects.get(user=alice).revoke()
    assert ask(token).json() == INVALID


def test_the_token_of_an_inactive_user_is_refused(alice: User) -> None:
    token = issue_token(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert ask(token).json() == INVALID


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic YTpi"}])
def test_a_request_without_a_token_gets_a_text_that_does_not_log_the_app_out(headers: dict[str, Any], db: None) -> None:
    response = Client().get("/assets", headers=headers)
    assert response.status_code == 401
    assert response.json()["error"] == "NOT_AUTHENTICATED"
    assert "Invalid or expired token" not in response.json()["message"]
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_session_of_the_admin_does_not_authenticate(admin_client: Client) -> None:
    assert admin_client.get("/assets").status_code == 401


def test_an_app_token_creates_its_user_once(shared_secret: None, db: None) -> None:
    assert ask(sign()).status_code == 200
    assert ask(sign(userId=456, email="new@example.com")).status_code == 200
    user = User.objects.get()
    assert (user.public_id, user.email, user.first_name) == ("user-456", "new@example.com", "Eve")
    assert not user.has_usable_password()


@pytest.mark.parametrize("missing", [None, ""])
def test_a_backend_token_without_a_name_keeps_the_stored_name(
    missing: str | None, shared_secret: None, db: None
) -> None:
    ask(sign())
    claims = {"userId": 456, "email": missing, "name": None, "iat": None, "exp": int(time.time()) + 60}
    token = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET), algorithms=["HS256"])
    assert ask(token).status_code == 200
    user = User.objects.get()
    assert (user.email, user.first_name) == ("eve@example.com", "Eve")


def test_a_token_needs_only_a_user_and_an_expiry(shared_secret: None, db: None) -> None:
    assert ask(sign(email=None, name=None)).status_code == 200
    user = User.objects.get()
    assert (user.public_id, user.email, user.first_name) == ("user-456", "", "")


@pytest.mark.parametrize(
    ("changes", "status"),  # seconds from now
    [
        ({"exp": -40}, 200),
        ({"exp": -61}, 401),
        ({"iat": 40}, 200),
        ({"iat": 600}, 401),
        ({"nbf": 40}, 200),
    ],
)
def test_the_backends_clock_may_differ_by_a_minute(
    changes: dict[str, int], status: int, shared_secret: None, db: None
) -> None:
    now = int(time.time())
    claims: dict[str, Any] = {claim: now + seconds for claim, seconds in changes.items()}
    assert ask(sign(**claims)).status_code == status


def test_an_invalid_email_and_an_unprintable_name_are_left_out(shared_secret: None, db: None) -> None:
    assert ask(sign(email="no-address", name="E\0ve")).status_code == 200
    user = User.objects.get()
    assert (user.email, user.first_name) == ("", "")


def test_a_local_user_is_never_taken_over_by_a_token(shared_secret: None, db: None) -> None:
    local = User.objects.create_user("invenicum-456", "local@example.com")
    assert ask(sign()).status_code == 200
    local.refresh_from_db()
    assert (User.objects.count(), local.email) == (2, "local@example.com")
    assert ask(sign(userId=local.account_id)).json() == INVALID


def test_a_refused_token_is_logged_with_the_reason_and_without_the_token(
    shared_secret: None, db: None, caplog: pytest.LogCaptureFixture
) -> None:
    token = sign(exp=int(time.time()) - 600)
    ask(token)
    ask(sign(userId=None))
    ask(sign(secret="another-secret-that-is-not-shared"))
    events = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    refused = [event["reason"] for event in events if event["event"] == "invenicum_token_refused"]
    assert refused == ["expired_token exp", "missing_claim userId", "bad_signature"]
    assert not any(part in caplog.text for part in token.split("."))


def test_an_app_token_is_refused_if_no_secret_is_configured(db: None) -> None:
    assert ask(sign()).json() == INVALID
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 600},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": int(time.time()) + 600},
        {"userId": None},
        {"userId": ""},
        {"userId": "../456"},
        {"userId": "4\n"},
        {"userId": True},
        {"userId": ["456"]},
        {"userId": "4" * 101},
        {"userId": "~0123456789ab"},
        {"secret": "another-secret-that-is-not-shared"},
        {"algorithm": "HS512"},
    ],
)
def test_an_invalid_app_token_is_refused_and_creates_no_user(
    changes: dict[str, Any], shared_secret: None, db: None
) -> None:
    assert ask(sign(**changes)).json() == INVALID
    assert not User.objects.exists()


def test_an_unsigned_app_token_is_refused(shared_secret: None, db: None) -> None:
    header, payload, _ = sign().split(".")
    assert ask(f"{header}.{payload}.").json() == INVALID
    unsigned = "eyJhbGciOiJub25lIn0"  # {"alg":"none"}
    assert ask(f"{unsigned}.{payload}.").json() == INVALID


def test_the_user_of_an_app_token_can_be_deactivated(shared_secret: None, db: None) -> None:
    ask(sign())
    User.objects.update(is_active=False)
    assert ask(sign()).json() == INVALID


@given(st.text())
def test_no_forged_app_token_crashes_the_parser(junk: str) -> None:
    with override_settings(INVENICUM_JWT_SECRET=SECRET):
        assert authentication._by_jwt(junk) is None
        assert authentication._by_jwt(f"{junk}.{junk}.{junk}") is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="threads share no SQLite database in memory")
def test_two_first_requests_at_once_create_one_user(shared_secret: None) -> None:
    def first_request(_: int) -> int:
        try:
            return int(ask(sign()).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(first_request, range(8))) == [200] * 8
    assert User.objects.count() == 1


@pytest.mark.usefixtures("shared_secret", "db")
def test_a_token_from_before_the_removal_of_its_account_does_not_create_it_again(alice: User) -> None:
    now = int(time.time())
    assert ask(sign(iat=now)).status_code == 200
    services.remove(User.objects.get(account_id="456"))
    assert ask(sign(iat=now)).json() == INVALID
    assert ask(sign()).json() == INVALID, "without iat it may be older"
    assert not User.objects.filter(account_id="456").exists()
    RemovedAccount.objects.update(removed_at=timezone.now() - timedelta(minutes=2))
    assert ask(sign(iat=now)).status_code == 200
    assert ask(sign(iat=now - 300)).json() == INVALID, "also after the account has been created again"


@pytest.mark.usefixtures("shared_secret", "db")
@pytest.mark.parametrize(
    ("audience", "status"),
    [("integrations", 200), (["other", "integrations"], 200), ("other", 401), (["other"], 401), (None, 401), ("", 401)],
)
def test_a_token_must_be_meant_for_this_service_if_an_audience_is_set(
    settings: Settings, audience: Any, status: int
) -> None:
    settings.INVENICUM_JWT_AUDIENCE = "integrations"
    assert ask(sign(aud=audience)).status_code == status


@pytest.mark.usefixtures("shared_secret")
def test_a_token_never_becomes_a_local_user(alice: User) -> None:
    for claims in ({"userId": alice.account_id}, {"userId": alice.username}, {"userId": f"user-{alice.account_id}"}):
        ask(sign(**claims, email=alice.email or "alice@example.com", name=alice.username))
    before = User.objects.get(pk=alice.pk)
    assert (before.account_id, before.username, before.email) == (alice.account_id, alice.username, alice.email)
    assert User.objects.filter(account_id=alice.account_id).count() == 1
    for wrong in ({"username": "invenicum:789"}, {"account_id": "789"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.filter(pk=alice.pk).update(**wrong)

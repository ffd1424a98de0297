"""Tokens as Invenicum's backend signs them: with the npm package `jsonwebtoken`, `userId`, `email` and an expiry."""

import json
import os
import subprocess
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from invenicum.accounts.models import User
from tests.tools import tool
from tests.waiting import WAIT_DEADLINE_SECONDS

SECRET = "an-example-of-a-secret-that-backend-and-service-share"
HEADER = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
# Made with jsonwebtoken 9.0.3: sign({userId: 456, email: "alice@example.com", iat: …}, SECRET, {expiresIn: "36500d"})
WITH_NUMBER = (
    f"{HEADER}.eyJ1c2VySWQiOjQ1NiwiZW1haWwiOiJhbGljZUBleGFtcGxlLmNvbSIsImlhdCI6MTc2NzIyNTYwMCwiZXhwIjo0OTIwODI1NjAwfQ"
    ".IXQaNxbF7dnbxNRrg9E6_U6R8lRq0RXy0r5qFDLSZ3A"
)
# The same with {userId: "clx0v3k1w0000", email: null}.
WITH_TEXT = (
    f"{HEADER}.eyJ1c2VySWQiOiJjbHgwdjNrMXcwMDAwIiwiZW1haWwiOm51bGwsImlhdCI6MTc2NzIyNTYwMCwiZXhwIjo0OTIwODI1NjAwfQ"
    ".vsekTVoYoFRkB5TfLFalhdEsAsq0RnlDACCLZZTwvYo"
)
SIGN = (
    "const user = JSON.parse(process.env.USER_JSON);"
    "console.log(require('jsonwebtoken').sign({userId: user.id, email: user.email}, process.env.JWT_SECRET,"
    " {expiresIn: process.env.EXPIRES_IN}))"
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shared_secret(settings: Settings) -> None:
    settings.INVENICUM_JWT_SECRET = SECRET


def ask(token: str) -> Any:
    return Client().get("/api/v1/integrations/status", headers={"Authorization": f"Bearer {token}"})


def signed_by_node(user: dict[str, Any], expires_in: str = "7d", secret: str = SECRET) -> str:
    packages = os.path.dirname(tool("jsonwebtoken"))
    variables = {"NODE_PATH": packages, "JWT_SECRET": secret, "USER_JSON": json.dumps(user), "EXPIRES_IN": expires_in}
    command = [tool("node"), "-e", SIGN]
    signed = subprocess.run(
        command, env=variables, capture_output=True, text=True, check=True, timeout=WAIT_DEADLINE_SECONDS
    )
    return signed.stdout.strip()


@pytest.mark.parametrize(
    ("token", "account_id", "email"),
    [(WITH_NUMBER, "456", "alice@example.com"), (WITH_TEXT, "clx0v3k1w0000", "")],
)
def test_a_token_of_the_backend_authenticates_its_user(token: str, account_id: str, email: str) -> None:
    assert ask(token).status_code == 200
    user = User.objects.get()
    assert (user.account_id, user.email) == (account_id, email)


def test_a_token_by_another_secret_is_refused_with_the_text_that_logs_the_app_out(settings: Settings) -> None:
    settings.INVENICUM_JWT_SECRET = "x" + SECRET
    answer = ask(WITH_NUMBER)
    assert (answer.status_code, answer.json()["message"]) == (401, "Invalid or expired token")


@pytest.mark.parametrize("user", [{"id": 7, "email": "bob@example.com"}, {"id": "u.7_x-1", "email": None}])
def test_a_token_that_node_signs_now_authenticates_its_user(user: dict[str, Any]) -> None:
    assert ask(signed_by_node(user)).status_code == 200
    assert User.objects.get().public_id == f"user-{user['id']}"


def test_an_expired_token_that_node_signed_is_refused() -> None:
    assert ask(signed_by_node({"id": 7, "email": None}, expires_in="-1h")).status_code == 401
    assert not User.objects.exists()

"""Staff who sign in with a password and, if they have it, an app that makes codes."""

import re
from typing import Any

import pytest
from django.test import Client
from django_otp.oath import TOTP

from invenicum.accounts.models import User
from invenicum.staff.models import Authenticator

PASSWORD = "correct horse battery staple"
SET_UP = "/admin/second-factor/set-up/"
ASK = "/admin/second-factor/"


@pytest.fixture(autouse=True)
def quick_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


@pytest.fixture
def ops(db: None) -> User:
    return User.objects.create_superuser("ops", "ops@example.com", PASSWORD)


def password_given(username: str = "ops", path: str = "/admin/login/") -> Client:
    """A browser that has given name and password."""
    client = Client()
    assert client.post(path, {"username": username, "password": PASSWORD}).status_code == 302
    return client


def code_of(user: User, *, confirmed: bool = True, steps_ahead: int = 0) -> str:
    """The code that the app of a user shows, now or some steps of thirty seconds later."""
    row = Authenticator.objects.get(user=user, confirmed=confirmed)
    return f"{TOTP(bytes.fromhex(row.key), drift=steps_ahead).token():06}"


def enrolled(user: User) -> tuple[Client, list[str]]:
    """A browser of a user who has just set an app up, and the recovery codes that were shown."""
    client = password_given(user.username)
    client.get(SET_UP)
    page = client.post(SET_UP, {"code": code_of(user, confirmed=False)})
    return client, re.findall(r"\b(?:[a-z0-9]{4}-){3}[a-z0-9]{4}\b", page.content.decode())

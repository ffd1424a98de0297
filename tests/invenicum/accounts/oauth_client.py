"""An app and a service as clients of the authorization server, without the server's own code."""

import base64
import hashlib
import re
import secrets
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.test import Client

from invenicum.accounts.models import Application, User

CALLBACK = "https://app.example.com/callback"
SECRET = "a-secret-of-an-application-as-it-is-shown-once"


def register(kind: Application.Kind, scopes: str = "assets:read assets:write", **fields: Any) -> Application:
    """Creates an application. A service has no redirect URI, and `user` is its service account."""
    uris = "" if kind is Application.Kind.SERVICE else CALLBACK
    given = {
        "name": "Label Printer",
        "redirect_uris": uris,
        "client_secret": SECRET,
        "allowed_scopes": scopes,
        **fields,
    }
    application = Application(**given)
    application.kind = kind
    application.full_clean()
    application.save()
    return application


def basic(application: Application, secret: str = SECRET) -> dict[str, str]:
    """The header with which an application authenticates."""
    pair = f"{application.client_id}:{secret}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def ask_token(headers: dict[str, str] | None = None, **form: str) -> Any:
    return Client().post("/oauth/token", form, headers=headers)


def service_token(application: Application, **form: str) -> Any:
    """The answer to a service that asks for a token."""
    return ask_token(basic(application), grant_type="client_credentials", **form).json()


class Attempt:
    """One attempt of an app to get access, with PKCE. `changes` are made to the authorization request; None removes."""

    def __init__(self, application: Application, **changes: str | None) -> None:
        self.application, self.verifier = application, secrets.token_urlsafe(48)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": application.client_id,
            "redirect_uri": CALLBACK,
            "scope": "assets:read",
            "state": "a-state",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            **changes,
        }
        self.asked = {name: value for name, value in asked.items() if value is not None}
        self.url = f"/oauth/authorize?{urlencode(self.asked)}"

    def open(self, user: User | None) -> Any:
        """The answer to the browser of `user`, which opens the link."""
        return browser_of(user).get(self.url)

    def answer(self, user: User, **form: str) -> Any:
        """The answer to the form on the consent page; by default the user allows the request."""
        browser = browser_of(user)
        token = csrf_token(browser.get(self.url).content.decode())
        return browser.post(self.url, {**self.asked, "csrfmiddlewaretoken": token, "allow": "yes", **form})

    def code(self, user: User) -> str:
        """The code that the app gets after the user has allowed it."""
        return sent_back(self.answer(user))["code"]

    def redeem(self, code: str, headers: dict[str, str] | None = None, **changes: str) -> Any:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        form |= {"client_id": self.application.client_id, "code_verifier": self.verifier, **changes}
        return ask_token(headers, **form)

    def tokens(self, user: User) -> dict[str, Any]:
        answer: dict[str, Any] = self.redeem(self.code(user)).json()
        return answer


def browser_of(user: User | None) -> Client:
    browser = Client(enforce_csrf_checks=True, headers={"Accept": "text/html"})
    if user is not None:
        browser.force_login(user)
    return browser


def csrf_token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found is not None, page
    return found[1]


def sent_back(response: Any) -> dict[str, str]:
    """The parameters of the address to which a browser is redirected."""
    assert response.status_code == 302, response.content
    return dict(parse_qsl(urlsplit(response["Location"]).query))


def assets(token: str) -> int:
    """The status that a token gets at the API."""
    return Client().get("/assets", headers={"Authorization": f"Bearer {token}"}).status_code

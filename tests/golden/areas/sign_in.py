"""Signing in with a browser, and the authorization server: answers to unknown users and applications."""

from typing import Any
from urllib.parse import urlencode

from ..scenario import RequestStep, Step

FORM = "application/x-www-form-urlencoded"
AUTHORIZE = "/oauth/authorize?response_type=code&client_id=unknown"
BASIC = {"Authorization": "Basic dW5rbm93bjp4"}  # unknown:x
PAGE = {"Accept": "text/html"}


def words(page: str) -> list[str]:
    """The content of a page, without its style and its CSRF token."""
    lines = page[page.index("<h1>") : page.index("</main>")].splitlines()
    return [line for line in lines if "csrfmiddlewaretoken" not in line]


def anonymous(method: str, path: str, title: str = "", **more: Any) -> RequestStep:
    return RequestStep(title=f"{method} {path} {title}".strip(), method=method, path=path, user=None, **more)


def form(path: str, fields: dict[str, str], title: str, **more: Any) -> RequestStep:
    return anonymous("POST", path, title, body=urlencode(fields).encode(), content_type=FORM, **more)


def token(title: str, **fields: str) -> RequestStep:
    return form("/oauth/token", fields, title, headers=BASIC)


STEPS: list[Step] = [
    anonymous("GET", "/.well-known/oauth-authorization-server"),
    anonymous("POST", "/.well-known/oauth-authorization-server"),
    anonymous("GET", "/.well-known/openid-configuration"),
    token("for an unknown service", grant_type="client_credentials"),
    token(
        "with a code of an unknown app", grant_type="authorization_code", code="x", redirect_uri="https://a.example/"
    ),
    token("with a refresh token of an unknown app", grant_type="refresh_token", refresh_token="x"),
    token("with a password", grant_type="password", username="alice", password="x"),
    token("with an unknown grant", grant_type="x"),
    token("without a grant"),
    token("with NUL", grant_type="authorization_code", code="\0"),
    form("/oauth/token", {"grant_type": "client_credentials"}, "without a secret"),
    *(anonymous("GET", path) for path in ("/oauth/token", "/oauth/revoke", "/oauth/introspect")),
    *(form(path, {"token": "x"}, "as an unknown application") for path in ("/oauth/revoke", "/oauth/introspect")),
    *(
        form(path, {"token": "x"}, "with a wrong secret", headers=BASIC)
        for path in ("/oauth/revoke", "/oauth/introspect")
    ),
    RequestStep(
        title="introspecting with a token", method="POST", path="/oauth/introspect", body=b"token=x", content_type=FORM
    ),
    anonymous("GET", AUTHORIZE, headers=PAGE, shows=words),
    anonymous("GET", "/oauth/authorize", headers=PAGE, shows=words),
    form(AUTHORIZE, {"allow": "yes"}, "without a CSRF token", headers=PAGE, shows=words),
    form(AUTHORIZE, {"allow": "yes"}, "as a program without a CSRF token"),
    *(anonymous("GET", f"/oauth/{name}") for name in ("applications", "register", "device")),
    anonymous("GET", "/signin", headers=PAGE, shows=words),
    anonymous("GET", "/signin?next=//evil.example/", headers=PAGE, shows=words),
    form("/signin", {"username": "alice", "password": "x"}, "with a form of another site", headers=PAGE, shows=words),
    anonymous("GET", "/signout", headers=PAGE),
    form("/signout", {}, "with a form of another site", headers=PAGE, shows=words),
    anonymous("GET", "/nothing", "as a browser", headers=PAGE, shows=words),
    anonymous("GET", "/api/v1/nothing", "as a browser", headers=PAGE),
]

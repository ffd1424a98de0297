"""OAuth 2.0 as values: requests go out, answers come in. Pure: no database, no clock, no sockets."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit, urlunsplit

from integrations.core.answers import excerpt
from integrations.core.errors import ConnectionFailed, RateLimited
from integrations.core.http import Request, Response
from integrations.core.oauth import OAuthSpec


@dataclass(frozen=True, slots=True)
class Client:
    """What we are to one provider: `spec` with the addresses that hold here."""

    type: str
    name: str
    spec: OAuthSpec
    client_id: str
    client_secret: str = field(repr=False)
    server: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token endpoint gave. `scopes` is None where it did not say; `answer` is the whole of it."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in: float | None
    scopes: tuple[str, ...] | None
    answer: Mapping[str, Any] = field(repr=False)


class TokenError(ConnectionFailed):
    """The token endpoint refused, with an `error` of RFC 6749, 5.2, or one of the provider's own."""

    def __init__(self, error: str, name: str):
        super().__init__(f"{name} refused to issue a token ({error}).")
        self.error = error


def code_challenge(verifier: str) -> str:
    """RFC 7636, 4.2, method S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def authorization_url(client: Client, redirect_uri: str, state: str, verifier: str) -> str:
    """Where the browser is sent."""
    spec = client.spec
    parts = urlsplit(spec.authorize_url)
    query = dict(parse_qsl(parts.query)) | dict(spec.extra_params)
    query |= {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": redirect_uri,
        "scope": spec.scope_separator.join(spec.scopes),
        "state": state,
    }
    if spec.pkce:
        query |= {"code_challenge": code_challenge(verifier), "code_challenge_method": spec.pkce}
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))


def exchange_request(client: Client, redirect_uri: str, code: str, verifier: str) -> Request:
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if client.spec.pkce:
        fields["code_verifier"] = verifier
    return _token_request(client, client.spec.token_url, fields)


def refresh_request(client: Client, refresh_token: str) -> Request:
    fields = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _token_request(client, client.spec.token_url, fields)


def identity_request(client: Client, access_token: str) -> Request:
    method, url = client.spec.identity_method, client.spec.identity_url
    assert url
    if method == "POST":  # Dropbox, whose arguments are JSON even where there are none
        headers = _bearer(access_token) | {"Content-Type": "application/json"}
        return Request(method, url, headers, b"null", confidential=True)
    return Request(method, url, _bearer(access_token), confidential=True)


def revocation_requests(client: Client, access_token: str, refresh_token: str) -> list[Request]:
    """What gives the tokens back, in order; empty where the provider has no way to."""
    spec = client.spec
    if not spec.revoke_url:
        return []
    url = spec.revoke_url.replace("{client_id}", quote_plus(client.client_id))
    if spec.revocation == "bearer":
        return [Request("POST", url, _bearer(access_token), confidential=True)]
    if spec.revocation == "authorization":
        # https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-authorization
        return [Request.json("DELETE", url, {"access_token": access_token}, _basic(client))]
    tokens = [("refresh_token", refresh_token), ("access_token", access_token)]
    return [_token_request(client, url, {"token": token, "token_type_hint": hint}) for hint, token in tokens if token]


def is_revoked(client: Client, response: Response) -> bool:
    """Whether an answer to a revocation means that the token is of no use any more.

    A token that the provider does not know (any more) needs no revocation: RFC 7009 answers 200 then, others do not.
    """
    answer = _object(response)
    error = answer.get("error")
    if client.spec.revocation == "bearer":
        # Slack says no with HTTP 200.
        dead = response.status == 401 or error in {"token_revoked", "invalid_auth", "account_inactive"}
        return dead or (response.ok and answer.get("ok") is not False)
    if client.spec.revocation == "authorization":
        return response.ok or response.status == 404
    return response.ok or error in {"invalid_token", "invalid_grant"}


def read_tokens(client: Client, response: Response) -> Tokens:
    """The tokens in an answer. Raises TokenError where it is a refusal, ConnectionFailed where it is neither."""
    answer = _object(response)
    # GitHub and Slack answer errors with HTTP 200.
    if "error" in answer or answer.get("ok") is False:
        raise TokenError(excerpt(answer.get("error"), 100) or "no reason given", client.name)
    if response.status == 429:
        raise RateLimited(f"{client.name} asks to slow down: HTTP 429.")
    if not response.ok:
        raise ConnectionFailed(f"The token endpoint of {client.name} answered HTTP {response.status}.")
    at = answer
    if "access_token" not in answer and client.spec.tokens_at:
        nested = value_at(answer, client.spec.tokens_at)
        at = nested if isinstance(nested, Mapping) else {}
    access, refresh = at.get("access_token"), at.get("refresh_token")
    if not isinstance(access, str) or not _is_token(access) or str(at.get("token_type", "bearer")).lower() == "mac":
        raise ConnectionFailed(f"The token endpoint of {client.name} gave no access token.")
    return Tokens(
        access=access,
        refresh=refresh if isinstance(refresh, str) and _is_token(refresh) else "",
        expires_in=_seconds(at.get("expires_in")),
        scopes=_scopes(at.get("scope")),
        answer=answer,
    )


def read_account(client: Client, response: Response) -> str:
    """Whose account it is. Raises ConnectionFailed where the answer does not say."""
    answer = _object(response)
    account = value_at(answer, client.spec.identity_field or "")
    if not response.ok or answer.get("ok") is False or not isinstance(account, str | int) or not str(account).strip():
        raise ConnectionFailed(f"{client.name} did not say whose account it is (HTTP {response.status}).")
    return excerpt(str(account), 255)


def value_at(answer: Any, path: str) -> Any:
    """The value under a path of names joined by dots; None where there is none."""
    for name in path.split("."):
        answer = answer.get(name) if isinstance(answer, Mapping) else None
    return answer


def is_issuer(spec: OAuthSpec, issuer: str) -> bool:
    """Whether `iss` names the server that the browser was sent to (RFC 9207, 2.4)."""
    if spec.issuer:
        return issuer == spec.issuer
    # Microsoft's issuer names the tenant, which is not known before: the origin is what can be compared.
    return _origin(issuer) == _origin(spec.authorize_url)


def is_safe(url: str) -> bool:
    """Whether codes and tokens may be sent there: over TLS, or to this very machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1"))


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc


def _token_request(client: Client, url: str, fields: dict[str, str]) -> Request:
    headers = {"Accept": "application/json"}  # GitHub answers a form otherwise
    if client.spec.token_auth == "basic":
        headers |= _basic(client)
    else:
        fields = fields | {"client_id": client.client_id, "client_secret": client.client_secret}
    return Request.form("POST", url, fields, headers, confidential=True)


def _basic(client: Client) -> dict[str, str]:
    # RFC 6749, 2.3.1: both halves are form-encoded before they are joined.
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}


def _object(response: Response) -> Mapping[str, Any]:
    """The answer as a JSON object; empty where it is something else."""
    try:
        answer = response.json()
    except ConnectionFailed:
        return {}
    return answer if isinstance(answer, dict) else {}


def _is_token(text: str) -> bool:
    return text.isascii() and text.isprintable() and 0 < len(text) <= 16_384 and " " not in text


def _seconds(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if 0 < seconds < 10**9 else None


def _scopes(value: Any) -> tuple[str, ...] | None:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else None

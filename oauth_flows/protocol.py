"""OAuth 2.0 as values: requests are built, responses are read (RFC 6749, 7009, 7636, 9207). Pure: no database, no
clock, no sockets."""

import base64
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit, urlunsplit

from integrations.core.answers import excerpt, retry_after
from integrations.core.errors import ConnectionFailed, RateLimited
from integrations.core.http import Flow, Request, Response, discreet
from integrations.core.oauth import OAuthSpec
from integrations.core.redaction import redact
from invenicum.accounts.redirect_uris import LOOPBACK_HOSTS

from .token_answers import value_at


@dataclass(frozen=True, slots=True)
class Client:
    """Our client at one provider.

    `type` is the integration type, `name` the service's name. `spec` has the addresses that apply here, after
    `PROVIDER_ENDPOINTS`. `server` is the address of a self-hosted server, without a trailing slash; else empty.
    """

    type: str
    name: str
    spec: OAuthSpec
    client_id: str
    client_secret: str = field(repr=False)
    server: str = ""

    @property
    def servers(self) -> str:
        """The origins that codes, tokens and the secret are sent to, e.g. `https://github.com https://api.github.com`.

        What was issued there must not be sent to others.
        """
        urls = (self.spec.token_url, self.spec.revoke_url)
        return " ".join(dict.fromkeys("://".join(_origin(url)) for url in urls if url))


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token endpoint issued.

    `refresh` is empty if there is none; `expires_in` is in seconds, None if the token does not expire. `scopes` is None
    if the answer does not list them. `answer` is the whole answer.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in: float | None
    scopes: tuple[str, ...] | None
    answer: Mapping[str, Any] = field(repr=False)


class TokenError(ConnectionFailed):
    """The token endpoint of the service `name` refused.

    `error` is a code of RFC 6749, 5.2, e.g. `invalid_grant`, or one of the provider's own. `retry_after`: how long it
    asks to wait, in seconds, or None.
    """

    def __init__(self, error: str, name: str, *, retry_after: float | None = None):
        super().__init__(f"{name} refused to issue a token ({error}).", retry_after=retry_after)
        self.error = error

    def hide(self, secrets: Collection[str]) -> None:
        super().hide(secrets)
        self.error = redact(self.error, secrets)


def code_challenge(verifier: str) -> str:
    """The PKCE challenge of a verifier: RFC 7636, 4.2, method S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def authorization_url(client: Client, redirect_uri: str, state: str, verifier: str) -> str:
    """The address that the browser is sent to, to ask its user for consent (RFC 6749, 4.1.1)."""
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


def admin_consent_url(client: Client, redirect_uri: str) -> str:
    """The page on which an administrator approves our app for an organisation; empty if the provider has none.

    https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
    """
    if not client.spec.admin_consent_url:
        return ""
    query = {"client_id": client.client_id, "scope": " ".join(client.spec.scopes), "redirect_uri": redirect_uri}
    return f"{client.spec.admin_consent_url}?{urlencode(query)}"


def exchange_request(client: Client, redirect_uri: str, code: str, verifier: str) -> Request:
    """Asks for the tokens of an authorization `code` (RFC 6749, 4.1.3), with the PKCE `verifier` if the
    provider takes one. `redirect_uri` is that of the authorization request.
    """
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if client.spec.pkce:
        fields["code_verifier"] = verifier
    return _token_request(client, client.spec.token_url, fields)


def refresh_request(client: Client, refresh_token: str) -> Request:
    """Asks for new tokens (RFC 6749, 6)."""
    fields = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _token_request(client, client.spec.token_url, fields)


def identity_request(client: Client, access_token: str) -> Request:
    """Asks whose account the token belongs to. The client's spec has an `identity_url`."""
    method, url = client.spec.identity_method, client.spec.identity_url
    assert url
    if method == "POST":  # Dropbox, whose arguments are JSON even if there are none
        headers = _bearer(access_token) | {"Content-Type": "application/json"}
        return Request(method, url, headers, b"null", confidential=True)
    return Request(method, url, _bearer(access_token), confidential=True)


def revocation_requests(client: Client, access_token: str, refresh_token: str) -> list[Request]:
    """Revokes the tokens, in this order (RFC 7009, or as the provider does it); empty if the provider has no way to."""
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
    """Whether a response to a revocation means that the token is no longer valid.

    A token that the provider does not know needs no revocation: RFC 7009 answers 200 then, some providers do not.
    """
    answer = _object(response)
    error = answer.get("error")
    if client.spec.revocation == "bearer":
        # Slack refuses with HTTP 200.
        is_invalid = response.status == 401 or error in {"token_revoked", "invalid_auth", "account_inactive"}
        return is_invalid or (response.ok and answer.get("ok") is not False)
    if client.spec.revocation == "authorization":
        return response.ok or response.status == 404
    return response.ok or error in {"invalid_token", "invalid_grant"}


def token_flow(client: Client, request: Request, *secrets: str) -> Flow[Tokens]:
    """Sends a token request of `client` and reads its answer. Raises as `read_tokens` does.

    `secrets` is what the request carries besides the client's secret: no error repeats either.
    """
    return (yield from discreet(_tokens(client, request), (client.client_secret, *secrets)))


def _tokens(client: Client, request: Request) -> Flow[Tokens]:
    return read_tokens(client, (yield request))


def read_tokens(client: Client, response: Response) -> Tokens:
    """The tokens in a token endpoint's response (RFC 6749, 5.1).

    Raises TokenError if it refuses, RateLimited, or ConnectionFailed for anything else without an access token; each
    with the wait that `Retry-After` asks for.
    """
    answer, wait = _object(response), retry_after(response)
    # GitHub and Slack answer errors with HTTP 200.
    if "error" in answer or answer.get("ok") is False:
        raise TokenError(excerpt(answer.get("error"), 100) or "no reason given", client.name, retry_after=wait)
    if response.status == 429:
        raise RateLimited(f"{client.name} asks to slow down: HTTP 429.", retry_after=wait)
    if not response.ok:
        raise ConnectionFailed(
            f"The token endpoint of {client.name} answered HTTP {response.status}.", retry_after=wait
        )
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
    """The name of the account, e.g. `ada@example.com`. Raises ConnectionFailed if the response has none."""
    answer = _object(response)
    account = value_at(answer, client.spec.identity_field or "")
    if not response.ok or answer.get("ok") is False or not isinstance(account, str | int) or not str(account).strip():
        raise ConnectionFailed(f"{client.name} did not say whose account it is (HTTP {response.status}).")
    return excerpt(str(account), 255)


def is_issuer(spec: OAuthSpec, issuer: str) -> bool:
    """Whether `iss` names the server that the browser was sent to (RFC 9207, 2.4)."""
    if spec.issuer:
        return issuer == spec.issuer
    # Microsoft's issuer names the tenant, which is not known beforehand: only the origin can be compared.
    return _origin(issuer) == _origin(spec.authorize_url)


def is_safe(url: str) -> bool:
    """Whether codes and tokens may be sent to `url`: over TLS, or to this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)


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
    """The response's JSON object; empty if it is anything else."""
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

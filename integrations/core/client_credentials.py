"""Access tokens that an integration gets with a client id and secret of its own (RFC 6749, 4.4). Pure.

A token stays in the memory of the process, with the configuration that it was issued for: nothing is stored, and a
configuration that changes begins without one.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote_plus

from .answers import error_for, excerpt, field_of, retry_after
from .errors import AuthFailed, ConnectionFailed, IntegrationError, InvalidConfig, NotNow, RateLimited
from .http import Flow, Request, Response, discreet

T = TypeVar("T")

MAX_TOKEN_LIFETIME_SECONDS = 86_400  # also of a token whose server does not say how long it is valid
RENEW_BEFORE_EXPIRY_SECONDS = 60  # or half the lifetime if that is less
# A token that is refused within this time after it was issued is not renewed: the next one would be refused as well.
FRESH_TOKEN_SECONDS = 60
MAX_TOKEN_CHARACTERS = 16_384


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Who asks for a token, and where. `in_body`: the secret goes in the form instead of a Basic header."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict)
    in_body: bool = False

    def request(self) -> Request:
        """The token request (RFC 6749, 4.4.2), whose response is confidential."""
        fields, headers = {"grant_type": "client_credentials", **self.parameters}, {"Accept": "application/json"}
        if self.in_body:
            fields |= {"client_id": self.client_id, "client_secret": self.client_secret}
        else:  # RFC 6749, 2.3.1: both halves are form-encoded before they are joined
            pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return Request.form("POST", self.token_url, fields, headers, confidential=True)


@dataclass(slots=True)
class HeldToken:
    """The token of one configuration. Times are in Unix seconds."""

    token: str = field(default="", repr=False)
    issued_at: int = 0
    expires_at: int = 0
    renew_at: int = 0
    retry_at: int = 0  # the token endpoint is not asked before
    is_being_fetched: bool = False

    def texts(self) -> tuple[str, ...]:
        """What must not be shown."""
        return (self.token,) if self.token else ()


def authorized(
    held: HeldToken, credentials: ClientCredentials, now: int, request: Callable[[str], Request]
) -> Flow[Response]:
    """Sends `request(token)` with a valid token. After a 401 it is sent once more, with a new token if this one is old.

    `now` is in Unix seconds. Only one flow at a time fetches a token for `held`: raises NotNow in the others. Raises
    AuthFailed or InvalidConfig if the token endpoint refuses, RateLimited as long as it asks to wait, or
    ConnectionFailed.
    """
    first = held.token
    if now >= held.renew_at:
        yield from _renew(held, credentials, now)
    token = held.token
    response = yield _hiding(request(token), is_new=token != first)
    if response.status != 401:
        return response
    if held.token == token:
        if now < held.issued_at + FRESH_TOKEN_SECONDS:
            return response
        held.expires_at = 0
        yield from _renew(held, credentials, now)
    return (yield _hiding(request(held.token), is_new=True))


def _hiding(request: Request, *, is_new: bool) -> Request:
    """`request`, whose response is confidential if the driver of the flow cannot know the token yet."""
    if not is_new:
        return request
    return Request(request.method, request.url, request.headers, request.body, confidential=True, tls=request.tls)


def _renew(held: HeldToken, credentials: ClientCredentials, now: int) -> Flow[None]:
    is_valid = now < held.expires_at
    if held.is_being_fetched or now < held.retry_at:
        if is_valid:
            return
        if held.is_being_fetched:
            raise NotNow
        raise RateLimited("The token endpoint asks to wait.", retry_after=held.retry_at - now)
    held.is_being_fetched = True
    try:
        response = yield from discreet(_answer_of(credentials), (credentials.client_secret,))
        _keep(held, response, now)
    except (ConnectionFailed, AuthFailed) as error:
        held.retry_at = now + int(error.retry_after or 0)
        if not is_valid:
            raise
    finally:
        held.is_being_fetched = False


def _answer_of(credentials: ClientCredentials) -> Flow[Response]:
    response = yield credentials.request()
    if not response.ok:
        raise _refusal(response)
    return response


def _refusal(response: Response) -> IntegrationError:
    code = excerpt(field_of(response, "error"), 100)
    if response.status in (404, 405, 410):
        return InvalidConfig(f"There is no token endpoint (HTTP {response.status}): check oauthTokenUrl.")
    if response.status in (400, 401, 403) and code not in ("slow_down", "temporarily_unavailable"):
        return AuthFailed(
            f"The token endpoint refused the client ({code or f'HTTP {response.status}'}): check oauthClientId, "
            "oauthClientSecret, oauthScope and oauthAudience.",
            retry_after=retry_after(response),
        )
    return error_for(response, "The token endpoint", code)


def _keep(held: HeldToken, response: Response, now: int) -> None:
    token, kind = field_of(response, "access_token"), field_of(response, "token_type")
    if not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN_CHARACTERS or not _is_visible(token):
        raise ConnectionFailed("The token endpoint gave no access token.")
    if isinstance(kind, str) and kind.lower() != "bearer":
        raise InvalidConfig(
            f"The token endpoint gave a token of type {excerpt(kind, 40)}; only bearer tokens can be sent."
        )
    lifetime = _lifetime(field_of(response, "expires_in"))
    held.token, held.issued_at, held.expires_at, held.retry_at = token, now, now + lifetime, 0
    held.renew_at = held.expires_at - min(RENEW_BEFORE_EXPIRY_SECONDS, lifetime // 2)


def _lifetime(value: object) -> int:
    try:
        seconds = float(value) if isinstance(value, int | float | str) else float(MAX_TOKEN_LIFETIME_SECONDS)
    except ValueError:
        return MAX_TOKEN_LIFETIME_SECONDS
    return int(min(max(seconds, 1.0), MAX_TOKEN_LIFETIME_SECONDS)) if seconds == seconds else MAX_TOKEN_LIFETIME_SECONDS


def _is_visible(text: str) -> bool:
    return all("!" <= character <= "~" for character in text)

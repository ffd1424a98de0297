"""What a connector declares about its service's OAuth 2.0 endpoints. Data only; `oauth_flows` acts on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class OAuthSpec:
    """One authorization server as a client sees it (RFC 6749, RFC 7636, RFC 7009). URLs are absolute.

    A path into an answer joins its parts with dots. `{client_id}` in `revoke_url` is filled in.
    """

    authorize_url: str
    token_url: str
    scopes: tuple[str, ...]
    identity_url: str | None = None
    identity_field: str | None = None
    revoke_url: str | None = None
    extra_params: Mapping[str, str] = field(default_factory=dict)
    pkce: Literal["S256"] | None = "S256"
    token_auth: Literal["body", "basic"] = "body"
    scope_separator: str = " "
    refreshes: bool = True
    rotates: bool = False
    required: bool = False  # there is no other way to connect
    # Config fields, by JSON name, that the token answer fills in: the path to each there.
    fills: Mapping[str, str] = field(default_factory=dict)
    # What the server calls itself in `iss` (RFC 9207); where it is None, the origin of `authorize_url` must agree.
    issuer: str | None = None
    identity_method: Literal["GET", "POST"] = "GET"
    # The path to the account's name in the token answer, for services that name it there; it saves the identity call.
    account: str | None = None
    # The path to the tokens where the token answer may nest them.
    tokens_at: str | None = None
    # Scopes without which the connection is of no use, where people can untick them one by one.
    needed_scopes: tuple[str, ...] = ()
    # Errors of a refresh that only a new consent can mend.
    refusals: tuple[str, ...] = ("invalid_grant",)
    # How a token is given back: as RFC 7009 says, by calling with it, or by deleting the app's authorization.
    revocation: Literal["token", "bearer", "authorization"] = "token"
    # Giving one token back ends every connection of that account to our app.
    revokes_account: bool = False
    # For services that people host themselves: the paths of the endpoints below the server's address.
    self_hosted: Mapping[str, str] = field(default_factory=dict)

"""What a connector declares about its provider's OAuth 2.0 endpoints. Pure: `oauth_flows` acts on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class OAuthSpec:
    """One authorization server as a client sees it (RFC 6749, RFC 7636, RFC 7009). URLs are absolute.

    A path into a JSON response joins the names with dots. `{client_id}` in `revoke_url` is replaced.
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
    required: bool = False  # OAuth is the only way to connect
    # Asked for as well if the operator's app sends hooks, see `Inbound.app_secret`.
    inbound_scopes: tuple[str, ...] = ()
    # What deliveries use the token for. If the connection comes with an address to post to, it is `optional`: without a
    # valid one `deliver` is called without an access token; or `none`: it is not even refreshed.
    delivery_use: Literal["needed", "optional", "none"] = "needed"
    # Each consent makes something at the provider that `on_delete` removes, e.g. a webhook.
    makes_target: bool = False
    # Configuration fields, by JSON name, whose values the token response contains: the path to each.
    fills: Mapping[str, str] = field(default_factory=dict)
    # Those of them that describe the connection, and are dropped without one.
    fills_only_connected: tuple[str, ...] = ()
    # The server's name in `iss` (RFC 9207); None for the origin of `authorize_url`.
    issuer: str | None = None
    identity_method: Literal["GET", "POST"] = "GET"
    # The path to the account's name in the token response, if it is there; it saves the request to `identity_url`.
    account: str | None = None
    # The path to the id of our app there, if its hooks name the app that they are of.
    app_id: str | None = None
    # The path to the tokens in the token response, if they may be nested.
    tokens_at: str | None = None
    # Scopes that the connection needs, if users can grant some scopes and refuse others.
    needed_scopes: tuple[str, ...] = ()
    # Where an administrator approves the app for a whole organisation, if the provider has such a page.
    admin_consent_url: str | None = None
    # Errors of a token refresh after which the user must connect again.
    refusals: tuple[str, ...] = ("invalid_grant",)
    # How a token is revoked: as in RFC 7009, by a call authorised with it, or by deleting the app's authorization.
    revocation: Literal["token", "bearer", "authorization"] = "token"
    # Revoking one token ends every connection of that account to our app.
    revokes_account: bool = False
    # Paths in the token response to what distinguishes that account, if its name does not; e.g. `("team.id",)`.
    account_key: tuple[str, ...] = ()
    # Whether the token response says whose account it is. If not, every connection to our app may be of the same one.
    tells_account: bool = True
    # For providers that users can host themselves: the paths of the endpoints below the server's address.
    self_hosted: Mapping[str, str] = field(default_factory=dict)

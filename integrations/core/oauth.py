"""What a connector declares about its service's OAuth 2.0 endpoints. Data only; `oauth_flows` acts on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class OAuthSpec:
    """One authorization server as a client sees it (RFC 6749, RFC 7636, RFC 7009). URLs are absolute."""

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
    # Config fields, by JSON name, that the token answer fills in: the path to each there, parts joined by dots.
    fills: Mapping[str, str] = field(default_factory=dict)

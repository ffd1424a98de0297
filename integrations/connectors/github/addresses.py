"""Where GitHub's REST API and its OAuth endpoints are: at github.com, at a subdomain of ghe.com, on own servers."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from ...core.oauth import OAuthSpec

# https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency/network-details-for-ghecom
DATA_RESIDENCY = ".ghe.com"
PUBLIC_HOSTS = ("github.com", "www.github.com", "api.github.com")
# The paths of the OAuth endpoints below the address of a server.
OAUTH_PATHS = {"authorizeUrl": "/login/oauth/authorize", "tokenUrl": "/login/oauth/access_token"}
OAUTH_API_PATHS = {"identityUrl": "/user", "revokeUrl": "/applications/{client_id}/grant"}

OAUTH = OAuthSpec(
    "https://github.com/login/oauth/authorize",
    "https://github.com/login/oauth/access_token",
    scopes=("repo", "admin:repo_hook"),
    identity_url="https://api.github.com/user",
    identity_field="login",
    # https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-authorization
    revoke_url="https://api.github.com/applications/{client_id}/grant",
    revocation="authorization",
    revokes_account=True,
    # https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
    refusals=("invalid_grant", "bad_refresh_token"),
    refreshes=False,
    self_hosted=OAUTH_PATHS | {name: f"/api/v3{path}" for name, path in OAUTH_API_PATHS.items()},
)


def api_url(server: str) -> str:
    """The API's address without a trailing slash, for an address that a user gives of a server or of its API.

    `https://acme.ghe.com` gives `https://api.acme.ghe.com`, `https://github.example.com` gives
    `https://github.example.com/api/v3`.
    """
    parts = urlsplit(server)
    host = parts.netloc.lower()
    if host in PUBLIC_HOSTS:
        return "https://api.github.com"
    if host.endswith(DATA_RESIDENCY):
        return f"{parts.scheme}://{host if host.startswith('api.') else f'api.{host}'}"
    if host.startswith("api.") and not parts.path.strip("/"):
        return f"{parts.scheme}://{host}"
    return f"{server.rstrip('/').removesuffix('/api/v3')}/api/v3"


def oauth_addresses(server: str) -> Mapping[str, str]:
    """The OAuth endpoints of a server that GitHub or an organization runs, by their names in OAuthSpec."""
    api = {name: api_url(server) + path for name, path in OAUTH_API_PATHS.items()}
    return {name: server + path for name, path in OAUTH_PATHS.items()} | api

"""Microsoft's clouds: where a tenant signs in, and where its Graph is. Pure."""

import re
from collections.abc import Mapping

# https://learn.microsoft.com/graph/deployments. Tenants of the American GCC are in the public cloud.
CLOUDS: Mapping[str, tuple[str, str]] = {
    "public": ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    "gcc-high": ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    "dod": ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    "china": ("https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"),
}
# Work and school accounts of any tenant: personal ones have no Teams that Graph posts to.
ANY_ORGANISATION = "organizations"
TENANT = re.compile(r"organizations|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:[a-z0-9-]+\.)+[a-z]{2,}")


def endpoints_of(cloud: str, tenant: str) -> dict[str, str]:
    """The addresses of Teams in a cloud, e.g. `gcc-high`, for the accounts of a tenant, by the names of the setting
    PROVIDER_ENDPOINTS.

    `tenant` is an id, a domain such as `contoso.onmicrosoft.com`, or `organizations` for any. Raises ValueError with a
    sentence for the operator.
    """
    if cloud not in CLOUDS:
        raise ValueError(f"TEAMS_CLOUD must be one of {', '.join(CLOUDS)}.")
    if not TENANT.fullmatch(tenant):
        raise ValueError("TEAMS_TENANT must be a tenant's id or domain, for example contoso.onmicrosoft.com.")
    sign_in, graph = CLOUDS[cloud]
    # https://learn.microsoft.com/entra/identity-platform/v2-protocols#endpoints
    return {
        "authorizeUrl": f"{sign_in}/{tenant}/oauth2/v2.0/authorize",
        "tokenUrl": f"{sign_in}/{tenant}/oauth2/v2.0/token",
        "adminConsentUrl": f"{sign_in}/{tenant}/v2.0/adminconsent",
        "identityUrl": f"{graph}/v1.0/me",
        "graphUrl": graph,
    }

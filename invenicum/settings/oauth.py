"""OAuth in both directions: our clients at the providers, and our own authorization server."""

from invenicum.env import env, oauth_clients, oauth_scopes, oauth_secret_expiry

# Our clients at the providers by integration type, each an id and a secret.
OAUTH_CLIENTS = oauth_clients()
# When the secrets of these clients expire, by integration type.
OAUTH_SECRET_EXPIRY = oauth_secret_expiry()
# Scopes that are asked for besides those that a connector needs, by integration type.
OAUTH_SCOPES = oauth_scopes()
OAUTH_RETURN_ORIGINS: list[str] = env.list("OAUTH_RETURN_ORIGINS", [])

OAUTH2_PROVIDER = {
    "SCOPES": {
        "integrations:read": "See your integrations",
        "integrations:write": "Connect, change and remove your integrations",
        "assets:read": "See your assets",
        "assets:write": "Create, change and delete your assets",
        "events:write": "Publish events",
        "deliveries:read": "See events and deliveries",
        "deliveries:write": "Retry and replay deliveries",
        "events:publish-any": "Publish events for any owner",
        "accounts:write": "Remove accounts",
    },
    "PKCE_REQUIRED": True,
    # As RFC 9700 recommends; tokens are stored as digests only.
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 30 * 86_400,  # after the access token that was issued with it
    "SCOPES_BACKEND_CLASS": "invenicum.accounts.scopes.ApplicationScopes",
    "CLIENT_SECRET_HASHER": "random_secret",
    "OAUTH2_VALIDATOR_CLASS": "invenicum.accounts.oauth_validator.Validator",
}
OAUTH2_PROVIDER_APPLICATION_MODEL = "accounts.Application"

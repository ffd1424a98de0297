"""Our clients at the providers: from the environment, or from what an administrator entered."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from integrations import registry
from integrations.core.connector import Connector
from integrations.core.oauth import OAuthSpec
from invenicum.env import secret

from .errors import NotConfigured
from .models import ProviderApp
from .protocol import Client, is_safe

CALLBACK_PATH = "/api/v1/integrations/oauth/callback/"
# The names that `PROVIDER_ENDPOINTS` and `OAuthSpec.self_hosted` use for the addresses of a spec.
ADDRESSES = {
    "authorizeUrl": "authorize_url",
    "tokenUrl": "token_url",
    "revokeUrl": "revoke_url",
    "identityUrl": "identity_url",
    "issuer": "issuer",
}


def variables(integration_type: str) -> tuple[str, str]:
    """The names of the environment's client id and client secret for a type."""
    prefix = f"OAUTH_{integration_type.upper()}"
    return f"{prefix}_CLIENT_ID", f"{prefix}_CLIENT_SECRET"


def redirect_uri(integration_type: str) -> str:
    """Where the provider sends the browser back to: each type has its own, which keeps their answers apart."""
    return f"{settings.PUBLIC_URL}{CALLBACK_PATH}{integration_type}"


def client_for(integration_type: str) -> Client:
    """Our client for a type. Raises UnknownType, or NotConfigured saying what an operator has to do."""
    connector = registry.get(integration_type)
    if connector.oauth is None:
        raise NotConfigured(
            f"{connector.name} is not connected with OAuth: save its configuration with POST /integrations instead."
        )
    server = ""
    client_id, client_secret = (secret(name) for name in variables(integration_type))
    if not (client_id and client_secret):
        app = ProviderApp.objects.filter(type=integration_type).first()
        if app is None:
            id_name, secret_name = variables(integration_type)
            raise NotConfigured(
                f"Connecting {connector.name} with OAuth is not set up on this server: whoever runs it has to set "
                f"{id_name} and {secret_name}, or enter a client in the admin."
            )
        client_id, client_secret, server = app.client_id, app.client_secret, app.server.rstrip("/")
    spec = _located(connector, connector.oauth, server)
    for url in (spec.authorize_url, spec.token_url, spec.revoke_url, spec.identity_url):
        if url and not is_safe(url):
            raise NotConfigured(
                f"Connecting {connector.name} needs addresses with https; {urlsplit(url).netloc} is not."
            )
    return Client(integration_type, connector.name, spec, client_id, client_secret, server)


def _located(connector: Connector, spec: OAuthSpec, server: str) -> OAuthSpec:
    moved = {name: server + path for name, path in spec.self_hosted.items()} if server else {}
    moved |= {name: url for name, url in connector.endpoints.items() if name in ADDRESSES}
    if "authorizeUrl" in moved:
        moved.setdefault("issuer", "")  # the spec's own belongs to the server that was replaced
    fields: dict[str, Any] = {ADDRESSES[name]: value or None for name, value in moved.items()}
    return replace(spec, **fields)

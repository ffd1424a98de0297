"""Our clients at the providers: from the settings, or entered by an administrator."""

from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from integrations import registry
from integrations.core.connector import Connector
from integrations.core.oauth import OAuthSpec
from invenicum.api.addresses import PREFIX

from .errors import NotConfigured
from .models import ProviderApp
from .protocol import Client, is_safe

CALLBACK_PATH = f"{PREFIX}/integrations/oauth/callback/"
# `PROVIDER_ENDPOINTS` and `OAuthSpec.self_hosted` call the addresses of a spec by these names.
ADDRESS_FIELDS = {
    "authorizeUrl": "authorize_url",
    "tokenUrl": "token_url",
    "revokeUrl": "revoke_url",
    "identityUrl": "identity_url",
    "adminConsentUrl": "admin_consent_url",
    "issuer": "issuer",
}


def variables(integration_type: str) -> tuple[str, str]:
    """The environment variables of a type's client, e.g. `OAUTH_SLACK_CLIENT_ID` and `OAUTH_SLACK_CLIENT_SECRET`."""
    prefix = f"OAUTH_{integration_type.upper()}"
    return f"{prefix}_CLIENT_ID", f"{prefix}_CLIENT_SECRET"


def redirect_uri(integration_type: str) -> str:
    """The address that the provider redirects the browser to. Each type has one of its own, to tell answers apart.

    It is registered at the provider character by character.
    """
    return f"{settings.PUBLIC_URL}{CALLBACK_PATH}{integration_type}"


def client_for(integration_type: str) -> Client:
    """Our client for an integration type, e.g. `slack`: of the settings if there is one, else of the admin.

    Raises UnknownType, or NotConfigured, which says what an operator has to do.
    """
    connector = registry.get(integration_type)
    if connector.oauth is None:
        raise NotConfigured(
            f"{connector.name} is not connected with OAuth: save its configuration with POST /integrations instead."
        )
    server = ""
    client_id, client_secret = settings.OAUTH_CLIENTS.get(integration_type, ("", ""))
    if not (client_id and client_secret):
        app = ProviderApp.objects.filter(type=integration_type).first()
        if app is None:
            id_name, secret_name = variables(integration_type)
            raise NotConfigured(
                f"Connecting {connector.name} with OAuth is not set up on this server: its operator has to set "
                f"{id_name} and {secret_name}, or enter a client in the admin."
            )
        client_id, client_secret, server = app.client_id, app.client_secret, app.server.rstrip("/")
    spec = _with_addresses(connector, connector.oauth, server)
    for url in (spec.authorize_url, spec.token_url, spec.revoke_url, spec.identity_url):
        if url and not is_safe(url):
            raise NotConfigured(
                f"Connecting {connector.name} needs addresses with https; {urlsplit(url).netloc} is not."
            )
    spec = replace(spec, scopes=_scopes(connector, spec))
    return Client(integration_type, connector.name, spec, client_id, client_secret, server)


def expiring_secrets() -> dict[str, date]:
    """The day on which the secret of our client expires, by integration type, of those whose day is known."""
    entered = ProviderApp.objects.filter(secret_expires__isnull=False).values_list("type", "secret_expires")
    of_admin = {type_: day for type_, day in entered if day and type_ not in settings.OAUTH_CLIENTS}
    return of_admin | settings.OAUTH_SECRET_EXPIRY


def _scopes(connector: Connector, spec: OAuthSpec) -> tuple[str, ...]:
    """What is asked for: what the connector needs, what its hooks need if the app sends any, what the operator adds."""
    for_hooks = spec.inbound_scopes if _sends_hooks(connector) else ()
    return tuple(dict.fromkeys((*spec.scopes, *for_hooks, *settings.OAUTH_SCOPES.get(connector.type, ()))))


def _sends_hooks(connector: Connector) -> bool:
    """Whether the operator's app sends hooks for the accounts that are connected to it."""
    name = connector.inbound.app_secret if connector.inbound else ""
    return name not in ("", "client") and bool(getattr(settings, name))


def _with_addresses(connector: Connector, spec: OAuthSpec, server: str) -> OAuthSpec:
    replaced = dict(connector.self_hosted_addresses(server)) if server else {}
    replaced |= {name: url for name, url in connector.endpoints.items() if name in ADDRESS_FIELDS}
    if "authorizeUrl" in replaced:
        replaced.setdefault("issuer", "")  # the address in the spec is one of the replaced server
    fields: dict[str, Any] = {ADDRESS_FIELDS[name]: value or None for name, value in replaced.items()}
    return replace(spec, **fields)

"""System checks that refuse a bad OAuth setup at start-up and say what is wrong with it."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from integrations import registry

from .clients import ADDRESS_FIELDS, variables
from .protocol import is_safe
from .return_urls import is_return_origin


@register
def check_oauth(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [*_half_clients(), *_unknown_types(), *_return_origins(), *_endpoints(), *_teams(), *_public_url()]


def _types() -> list[str]:
    return [connector.type for connector in registry.CONNECTORS if connector.oauth]


def _half_clients() -> Iterator[CheckMessage]:
    for integration_type in _types():
        id_name, secret_name = variables(integration_type)
        client_id, client_secret = settings.OAUTH_CLIENTS.get(integration_type, ("", ""))
        if bool(client_id) != bool(client_secret):
            present, absent = (id_name, secret_name) if client_id else (secret_name, id_name)
            yield Error(f"{present} is set but {absent} is not: a client needs both.", id="oauth_flows.E001")


def _unknown_types() -> Iterator[CheckMessage]:
    for integration_type in sorted(set(settings.OAUTH_CLIENTS) - set(_types())):
        id_name, secret_name = variables(integration_type)
        yield Warning(
            f"{id_name} and {secret_name} have no effect: no type {integration_type} is connected with OAuth.",
            id="oauth_flows.W002",
        )


def _return_origins() -> Iterator[CheckMessage]:
    for origin in settings.OAUTH_RETURN_ORIGINS:
        if not is_return_origin(origin):
            yield Error(
                f"OAUTH_RETURN_ORIGINS: {origin} is neither an origin like https://app.example.com nor the scheme of "
                "an app like invenicum://.",
                id="oauth_flows.E002",
            )


def _endpoints() -> Iterator[CheckMessage]:
    for integration_type in _types():
        for name, url in settings.PROVIDER_ENDPOINTS.get(integration_type, {}).items():
            if name in ADDRESS_FIELDS and not is_safe(url):
                yield Error(
                    f"PROVIDER_ENDPOINTS: {name} of {integration_type} must be https, since tokens are sent there.",
                    id="oauth_flows.E003",
                )


def _teams() -> Iterator[CheckMessage]:
    try:
        registry.get("teams")
    except ImproperlyConfigured as error:
        yield Error(str(error), id="oauth_flows.E004")


def _public_url() -> Iterator[CheckMessage]:
    has_client = any(settings.OAUTH_CLIENTS.get(integration_type, ("", ""))[0] for integration_type in _types())
    if has_client and not is_safe(settings.PUBLIC_URL):
        yield Warning(
            "PUBLIC_URL must be https for OAuth: providers redirect to it with authorization codes.",
            id="oauth_flows.W001",
        )

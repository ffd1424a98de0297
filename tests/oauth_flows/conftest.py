from collections.abc import Iterator

import pytest
from pytest_django import Settings

from oauth_flows.clients import redirect_uri
from tests.fakes.authorization_server import AuthorizationServer
from tests.fakes.token_server import TokenServer
from tests.oauth_flows.consent import Consent


@pytest.fixture(scope="package")
def provider() -> Iterator[AuthorizationServer]:
    """The authorization server, shared by the tests of this folder."""
    with AuthorizationServer([redirect_uri(name) for name in ("google_drive", "github")]) as server:
        yield server


@pytest.fixture
def drive(provider: AuthorizationServer, settings: Settings) -> AuthorizationServer:
    """The provider, as the Google that Google Drive is connected to."""
    settings.PROVIDER_ENDPOINTS = {"google_drive": provider.endpoints}
    settings.OAUTH_RETURN_ORIGINS = ["https://app.example.com"]
    settings.OAUTH_CLIENTS = {"google_drive": (provider.client_id, provider.client_secret)}
    return provider


@pytest.fixture
def native(drive: AuthorizationServer, settings: Settings) -> None:
    """An app on phones may be returned to."""
    settings.OAUTH_RETURN_ORIGINS = ["https://app.example.com", "invenicum://"]


@pytest.fixture
def ada(provider: AuthorizationServer) -> Consent:
    """A person with an account at the provider, signed in there."""
    return Consent(provider.url)


@pytest.fixture
def dropbox(settings: Settings) -> Iterator[TokenServer]:
    """A strict provider, as the Dropbox of this server."""
    settings.OAUTH_CLIENTS = {"dropbox": ("dropbox-client", "dropbox-secret")}
    with TokenServer() as server:
        settings.PROVIDER_ENDPOINTS = {"dropbox": server.endpoints}
        yield server

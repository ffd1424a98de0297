from collections.abc import Iterator
from typing import Any

import pytest

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
def drive(provider: AuthorizationServer, settings: Any, monkeypatch: pytest.MonkeyPatch) -> AuthorizationServer:
    """The provider, as the Google that Google Drive is connected to."""
    settings.PROVIDER_ENDPOINTS = {"google_drive": provider.endpoints}
    settings.OAUTH_RETURN_ORIGINS = ["https://app.example.com"]
    monkeypatch.setenv("OAUTH_GOOGLE_DRIVE_CLIENT_ID", provider.client_id)
    monkeypatch.setenv("OAUTH_GOOGLE_DRIVE_CLIENT_SECRET", provider.client_secret)
    return provider


@pytest.fixture
def ada(provider: AuthorizationServer) -> Consent:
    """Who has an account at the provider, signed in there."""
    return Consent(provider.url)


@pytest.fixture
def dropbox(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenServer]:
    """A strict provider, as the Dropbox of this server."""
    monkeypatch.setenv("OAUTH_DROPBOX_CLIENT_ID", "dropbox-client")
    monkeypatch.setenv("OAUTH_DROPBOX_CLIENT_SECRET", "dropbox-secret")
    with TokenServer() as server:
        settings.PROVIDER_ENDPOINTS = {"dropbox": server.endpoints}
        yield server

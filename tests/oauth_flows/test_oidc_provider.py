"""An authorization server that others have written: consent, refresh, revocation, and a client on its own."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from integrations.connectors.google_analytics import GoogleAnalytics
from integrations.egress.curl import run_flow
from integrations.services import delete_integration
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from oauth_flows import refresh
from oauth_flows.clients import redirect_uri
from oauth_flows.models import Grant
from tests.api_client import Api
from tests.audit_trail import connection_entries
from tests.factories import connect_webhook
from tests.fakes.http_server import FakeServer
from tests.fakes.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider, oidc_provider
from webhooks import duties
from webhooks.engine.worker import drain
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)
TYPE = "google_analytics"
ADDRESS = "/api/v1/integrations/oauth"


@pytest.fixture
def provider(settings: Settings) -> Iterator[OidcProvider]:
    settings.OAUTH_CLIENTS = {TYPE: (CLIENT_ID, CLIENT_SECRET)}
    assert GoogleAnalytics.oauth
    with oidc_provider(redirect_uri(TYPE), GoogleAnalytics.oauth.scopes) as server:
        settings.PROVIDER_ENDPOINTS = {TYPE: server.endpoints}
        yield server


def connect(client: Any, provider: OidcProvider) -> Any:
    begun = client.get(f"{ADDRESS}/authorize/{TYPE}").json()
    answer = provider.consent(begun["authorizationUrl"], "ada@example.com", redirect_uri(TYPE))
    assert answer["iss"] == provider.url
    return client.get(f"{ADDRESS}/callback/{TYPE}", answer)


def test_a_consent_is_exchanged_with_its_challenge_and_names_the_account(
    provider: OidcProvider, api: Api, alice: User
) -> None:
    connected = connect(api(alice), provider)
    assert connected.status_code == 200, connected.content
    assert connected.json()["data"]["account"] == "ada@example.com"
    grant = Grant.objects.get()
    assert provider.knows(grant.access_token)
    assert grant.expires_at is not None
    assert grant.expires_at > timezone.now() + timedelta(minutes=5)


def test_a_refresh_replaces_both_tokens_and_a_refresh_token_used_twice_ends_the_connection(
    provider: OidcProvider, api: Api, alice: User
) -> None:
    connect(api(alice), provider)
    grant = Grant.objects.get()
    first = dict(grant.tokens)
    run_flow(refresh.refresh(grant))
    assert provider.knows(grant.access_token)
    assert grant.refresh_token not in ("", first["refresh"])
    # The server takes the former one for stolen: https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
    grant.tokens = first
    grant.save()
    with pytest.raises(refresh.NeedsReconnect):
        run_flow(refresh.refresh(grant))
    assert Grant.objects.get().refusal == "invalid_grant"


def test_a_deletion_revokes_both_tokens(provider: OidcProvider, api: Api, alice: User) -> None:
    connect(api(alice), provider)
    tokens = Grant.objects.get().tokens
    delete_integration(alice, TYPE)
    duties.run_all()
    assert connection_entries().latest("id").action == "revoked"
    assert [provider.knows(token) for token in tokens.values()] == [False, False]


def test_a_code_that_was_used_connects_nothing(provider: OidcProvider, api: Api, alice: User) -> None:
    client = api(alice)
    begun = client.get(f"{ADDRESS}/authorize/{TYPE}").json()
    answer = provider.consent(begun["authorizationUrl"], "ada@example.com", redirect_uri(TYPE))
    again = client.get(f"{ADDRESS}/authorize/{TYPE}").json()
    refused = client.get(f"{ADDRESS}/callback/{TYPE}", {**answer, "state": again["state"]})
    assert refused.status_code == 400  # the verifier is another one
    assert "invalid_grant" in refused.json()["message"]
    assert not Grant.objects.exists()


def test_a_webhook_gets_its_token_as_a_client_of_its_own(provider: OidcProvider, alice: User) -> None:
    with FakeServer(lambda request: (204, {}, b"")) as receiver:
        connect_webhook(
            alice,
            receiver.url,
            oauthTokenUrl=provider.service.token_url,
            oauthClientId=provider.service.client_id,
            oauthClientSecret=provider.service.client_secret,
        )
        for number in range(2):
            publish(alice, "asset.created", {"assetId": f"asset-{number}"})
            drain()
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}
    [sent] = {request.headers["authorization"] for request in receiver.requests}
    assert provider.knows(sent.removeprefix("Bearer "))

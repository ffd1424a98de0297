"""Microsoft's consents: of organisations only, of administrators, and those that end."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from pytest_django import Settings

from integrations.models import Integration
from invenicum.accounts.models import User
from oauth_flows.clients import client_for
from oauth_flows.models import Grant
from oauth_flows.protocol import authorization_url
from oauth_flows.refresh import refresh_due
from tests.api_client import Api
from tests.fakes.http_server import FakeServer, json_answer

pytestmark = pytest.mark.django_db
ALL = "/api/v1/integrations/oauth"


@pytest.fixture(autouse=True)
def client(settings: Settings) -> None:
    settings.OAUTH_CLIENTS = {"teams": ("11112222-bbbb-3333-cccc-4444dddd5555", "secret")}


def test_personal_accounts_are_not_offered_and_one_tenant_can_be_chosen(settings: Settings) -> None:
    url = authorization_url(client_for("teams"), "https://i.example/cb", "s", "v")
    assert url.startswith("https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize?")
    settings.TEAMS_TENANT, settings.TEAMS_CLOUD = "contoso.onmicrosoft.us", "dod"
    spec = client_for("teams").spec
    assert spec.token_url == "https://login.microsoftonline.us/contoso.onmicrosoft.us/oauth2/v2.0/token"
    assert spec.identity_url == "https://dod-graph.microsoft.us/v1.0/me"


@pytest.mark.parametrize("error", ["access_denied", "consent_required", "interaction_required"])
def test_who_may_not_consent_is_shown_the_link_for_an_administrator(api: Api, alice: User, error: str) -> None:
    """https://learn.microsoft.com/entra/identity-platform/v2-admin-consent"""
    browser = api(alice)
    begun = browser.get(f"{ALL}/authorize/teams").json()
    query = {"error": error, "error_description": "AADSTS90094: …", "state": begun["state"]}
    message = browser.get(f"{ALL}/callback/teams", query).json()["message"]
    link = urlsplit(message.partition("here: ")[2])
    assert (link.netloc, link.path) == ("login.microsoftonline.com", "/organizations/v2.0/adminconsent")
    asked = parse_qs(link.query)
    assert asked["client_id"] == ["11112222-bbbb-3333-cccc-4444dddd5555"]
    assert "ChannelMessage.Send" in asked["scope"][0].split()
    assert asked["redirect_uri"][0].endswith("/api/v1/integrations/oauth/callback/teams")


def test_an_administrator_who_comes_back_reads_that_everyone_can_connect(api: Api, alice: User) -> None:
    back = {"admin_consent": "True", "tenant": "a9bb5b0a-1111-2222-3333-444455556666", "scope": "User.Read"}
    answer = api(alice).get(f"{ALL}/callback/teams", back)
    assert answer.json()["message"].startswith("Invenicum is approved for the organisation now.")
    assert not Integration.objects.exists()


@pytest.mark.parametrize("error", ["interaction_required", "consent_required", "login_required", "invalid_grant"])
def test_a_sign_in_that_the_organisation_wants_again_asks_the_owner(
    settings: Settings, alice: User, error: str
) -> None:
    refused = {"error": error, "error_description": "AADSTS50076: …", "error_codes": [50076]}
    with FakeServer(lambda request: json_answer(400, refused)) as server:
        settings.PROVIDER_ENDPOINTS = {"teams": {"tokenUrl": f"{server.url}/token"}}
        now = timezone.now()
        Grant.objects.create(
            integration=Integration.objects.create(owner=alice, type="teams", status="active"),
            client_id="11112222-bbbb-3333-cccc-4444dddd5555",
            servers=client_for("teams").servers,
            tokens={"access": "a", "refresh": "r"},
            connected_at=now,
            refreshed_at=now,
            refresh_at=now,
        )
        assert refresh_due() == 1
    assert Integration.objects.get().status == "needs_reconnect"
    assert Grant.objects.get().refusal == error

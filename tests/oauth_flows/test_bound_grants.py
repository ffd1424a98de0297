"""Codes and tokens stay with the client and the server that they were issued by, and end with the token of the app."""

from typing import Any

import pytest
from django.utils import timezone
from oauth2_provider.models import AccessToken
from pytest_django import Settings

from integrations.models import Integration
from integrations.services import delete_integration
from invenicum.accounts.models import User
from oauth_flows.models import Authorization, Grant, Revocation, UnconfirmedConnection
from oauth_flows.refresh import refresh_due
from tests.api_client import Api
from tests.audit_trail import connection_entries
from tests.fakes.authorization_server import AuthorizationServer
from tests.fakes.token_server import TokenServer
from tests.oauth_flows.connected import connect_dropbox
from tests.oauth_flows.consent import Consent
from tests.oauth_flows.native_app import confirm, consent, press, result_of, start
from tests.oauth_flows.test_authorizations import AUTHORIZE, CALLBACK, begin
from webhooks import duties

pytestmark = pytest.mark.django_db


def move(settings: Settings, how: str, other: TokenServer) -> None:
    if how == "server":
        settings.PROVIDER_ENDPOINTS = {"dropbox": other.endpoints}
    elif how == "revocation server":
        endpoints = settings.PROVIDER_ENDPOINTS["dropbox"]
        settings.PROVIDER_ENDPOINTS = {"dropbox": {**endpoints, "revokeUrl": f"{other.url}/revoke"}}
    else:
        settings.OAUTH_CLIENTS = {"dropbox": ("another-client", "another-secret")}


@pytest.mark.parametrize("how", ["server", "revocation server", "client"])
def test_a_refresh_token_is_sent_to_no_other_server_and_by_no_other_client(
    dropbox: TokenServer, settings: Settings, alice: User, how: str
) -> None:
    connect_dropbox(alice, expires_in=1)
    with TokenServer() as other:
        move(settings, how, other)
        assert refresh_due() == 1
        assert (dropbox.requests, other.requests) == ([], [])
    assert Grant.objects.get().refusal == "issued to another client or by another server"
    assert Integration.objects.get().status == "needs_reconnect"


@pytest.mark.parametrize("how", ["server", "revocation server", "client"])
def test_tokens_are_revoked_at_no_other_server_and_by_no_other_client(
    dropbox: TokenServer, settings: Settings, alice: User, how: str
) -> None:
    connect_dropbox(alice)
    delete_integration(alice, "dropbox")
    with TokenServer() as other:
        move(settings, how, other)
        duties.run_all("connections", "jobs")
        assert (dropbox.requests, other.requests) == ([], [])
    assert not Revocation.objects.exists()
    assert connection_entries().latest("id").action == "revocation_given_up"


def test_a_code_is_sent_to_no_other_server(
    drive: AuthorizationServer, ada: Consent, settings: Settings, alice: User, api: Api
) -> None:
    browser = api(alice)
    parameters = ada.allow(begin(browser)["authorizationUrl"])
    with TokenServer() as other:
        endpoints = {**drive.endpoints, "tokenUrl": f"{other.url}/token"}
        settings.PROVIDER_ENDPOINTS = {"google_drive": endpoints}
        answer = browser.get(CALLBACK, parameters)
        assert "set-up of this server has changed" in answer.json()["message"]
        assert other.requests == []


def end_tokens(how: str, user: User) -> None:
    if how == "revoked":
        AccessToken.objects.filter(user=user).delete()
    elif how == "expired":
        AccessToken.objects.filter(user=user).update(expires=timezone.now())
        for model in (Authorization, UnconfirmedConnection):
            model.objects.update(token_expires_at=timezone.now())
    else:
        AccessToken.objects.filter(user=user).update(scope="integrations:read")


@pytest.mark.parametrize("how", ["revoked", "expired", "without its scope"])
def test_a_flow_ends_with_the_token_that_began_it(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api, client: Any, how: str
) -> None:
    begun = api(alice)
    parameters = ada.allow(begin(begun)["authorizationUrl"])
    end_tokens(how, alice)
    client.cookies = begun.cookies
    before = len(drive.log())
    answer = client.get(CALLBACK, parameters)
    assert (answer.status_code, answer.json()["error"]) == (400, "OAUTH_ERROR")
    assert len(drive.log()) == before
    assert not Grant.objects.exists()
    again = client.get(AUTHORIZE, headers={"Sec-Fetch-Site": "same-origin"})
    assert again.status_code == 401 or how == "expired"


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("how", ["revoked", "without its scope"])
def test_a_start_link_and_its_result_end_with_the_token_too(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api, client: Any, how: str
) -> None:
    app = api(alice)
    link = start(app)
    result = result_of(consent(client, start(app), ada))
    end_tokens(how, alice)
    assert press(client, link).status_code == 400
    answer = confirm(api(alice), result)  # with another token of the same user
    assert answer.status_code == 400
    assert "has ended" in answer.json()["message"]
    assert not Grant.objects.exists()


def test_a_head_request_uses_up_neither_state_nor_code(
    drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    browser = api(alice)
    parameters = ada.allow(begin(browser)["authorizationUrl"])
    assert browser.head(CALLBACK, parameters).status_code == 405
    assert browser.get(CALLBACK, parameters).status_code == 200

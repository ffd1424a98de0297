"""A token that several connections share, or whose revocation ends them all, is revoked with the last of them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from integrations.models import Integration
from integrations.services import delete_integration
from invenicum.accounts.models import User
from oauth_flows.models import Grant, Revocation
from tests.api_client import Api
from tests.audit_trail import connection_entries
from tests.fakes.slack_oauth import SlackOAuth
from webhooks import duties

pytestmark = pytest.mark.django_db
Connect = Callable[[User, str], Any]


@pytest.fixture
def slack(settings: Settings) -> Iterator[SlackOAuth]:
    settings.OAUTH_CLIENTS = {"slack": ("client", "secret")}
    with SlackOAuth() as server:
        settings.PROVIDER_ENDPOINTS = {"slack": server.endpoints}
        yield server


@pytest.fixture
def connect(slack: SlackOAuth, api: Api) -> Connect:
    """Connects a user to the workspace of a code, e.g. `T1:Acme`. Returns the callback's answer."""

    def run(user: User, code: str) -> Any:
        client = api(user)
        begun = client.get("/api/v1/integrations/oauth/authorize/slack").json()
        return client.get("/api/v1/integrations/oauth/callback/slack", {"code": code, "state": begun["state"]})

    return run


def test_a_workspaces_token_is_revoked_when_the_last_connection_to_it_is_deleted(
    slack: SlackOAuth, connect: Connect, alice: User, bob: User
) -> None:
    connect(alice, "T01AAAAAA:Acme")
    connect(bob, "T01AAAAAA:Acme, renamed meanwhile")
    delete_integration(alice, "slack")
    duties.run_all()
    assert slack.revoked == []
    assert "another connection uses the account" in connection_entries().latest("id").detail
    assert Grant.objects.get().access_token == slack.tokens["T01AAAAAA"]
    delete_integration(bob, "slack")
    duties.run_all()
    assert slack.revoked == ["T01AAAAAA"]


def test_another_workspace_of_the_same_name_keeps_no_token_alive(
    slack: SlackOAuth, connect: Connect, alice: User, bob: User
) -> None:
    connect(alice, "T01AAAAAA:Acme")
    connect(bob, "T02BBBBBB:Acme")
    delete_integration(alice, "slack")
    duties.run_all()
    assert slack.revoked == ["T01AAAAAA"]


@pytest.mark.parametrize(("used_by_bob", "revoked"), [(True, []), (False, ["T01AAAAAA"])])
def test_a_failed_flow_revokes_only_a_token_that_nothing_uses(
    slack: SlackOAuth, connect: Connect, alice: User, bob: User, used_by_bob: bool, revoked: list[str]
) -> None:
    if used_by_bob:
        connect(bob, "T01AAAAAA:Acme")
    slack.webhook_url = "https://hooks.example.com/services/{team}"
    assert connect(alice, "T01AAAAAA:Acme").json()["error"] == "OAUTH_ERROR"
    assert Revocation.objects.get().account_key == "T01AAAAAA"
    duties.run_all()
    assert slack.revoked == revoked
    assert not Revocation.objects.exists()


def test_connecting_the_same_workspace_again_revokes_nothing(slack: SlackOAuth, connect: Connect, alice: User) -> None:
    connect(alice, "T01AAAAAA:Acme")
    connect(alice, "T01AAAAAA:Acme Ltd.")
    duties.run_all()
    assert slack.revoked == []
    assert Integration.objects.get().account == "Acme Ltd."


@pytest.mark.parametrize(("used_by_bob", "revoked"), [(True, []), (False, ["T01AAAAAA"])])
def test_connecting_another_workspace_revokes_the_first_ones_token_unless_it_is_used(
    slack: SlackOAuth, connect: Connect, alice: User, bob: User, used_by_bob: bool, revoked: list[str]
) -> None:
    connect(alice, "T01AAAAAA:Acme")
    if used_by_bob:
        connect(bob, "T01AAAAAA:Acme")
    connect(alice, "T02BBBBBB:Acme")
    duties.run_all()
    assert slack.revoked == revoked
    assert "T02BBBBBB" in slack.tokens

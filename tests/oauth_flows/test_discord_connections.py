"""Discord: the webhook of a consent goes with its connection, and no revocation ends what another one needs."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.utils import timezone
from pytest_django import Settings

from integrations.models import Integration, ProviderJob
from integrations.provider_jobs import MAX_WAITING_DELETES
from integrations.services import delete_integration
from invenicum.accounts.models import User
from invenicum.accounts.tokens import Origin
from invenicum.events.publish import publish
from oauth_flows.clients import client_for
from oauth_flows.code_exchange import Connection
from oauth_flows.confirmations import expire, keep
from oauth_flows.connect import revoke_unused
from oauth_flows.models import Grant, UnconfirmedConnection
from oauth_flows.protocol import Tokens
from oauth_flows.refresh import refresh_due
from tests.api_client import Api
from tests.fakes.http_server import Answer, FakeServer, Received, json_answer
from webhooks import duties
from webhooks.engine.worker import drain
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)
Connect = Callable[[User], Any]


class DiscordOAuth(FakeServer):
    """Each consent makes a webhook. All tokens are of one Discord user: revoking one ends them all.

    https://discord.com/developers/docs/topics/oauth2#authorization-code-grant-token-revocation-example
    """

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.webhooks: set[str] = set()
        self.made = 0
        self.revocations = 0
        self.posted = 0

    @property
    def endpoints(self) -> dict[str, str]:
        return {
            "authorizeUrl": f"{self.url}/oauth2/authorize",
            "tokenUrl": f"{self.url}/api/oauth2/token",
            "revokeUrl": f"{self.url}/api/oauth2/token/revoke",
            "apiUrl": self.url,
        }

    def _handle(self, request: Received) -> Answer:
        path = urlsplit(request.path).path
        if path == "/api/oauth2/token/revoke":
            assert dict(parse_qsl(request.body.decode()))["token"]
            self.revocations += 1
            return json_answer(200, {})
        if path == "/api/oauth2/token":
            return json_answer(200, self.granted())
        key = path.removeprefix("/api/v10/webhooks/").partition("/")[0]
        if key not in self.webhooks:
            return json_answer(404, {"message": "Unknown Webhook", "code": 10015})
        if request.method == "DELETE":
            self.webhooks.discard(key)
            return 204, {}, b""
        self.posted += 1
        return json_answer(200, {"id": "1"})

    def granted(self) -> dict[str, Any]:
        """As on https://discord.com/developers/docs/topics/oauth2#webhooks-webhook-token-response-example"""
        self.made += 1
        key = f"34711475088012086{self.made}"
        self.webhooks.add(key)
        return {
            "token_type": "Bearer",
            "access_token": f"access-{self.made}",
            "scope": "webhook.incoming",
            "expires_in": 604800,
            "refresh_token": f"refresh-{self.made}",
            "webhook": {
                "application_id": "310954232226357250",
                "name": "Invenicum",
                "url": f"https://discord.com/api/webhooks/{key}/{'k' * 68}",
                "channel_id": "345626669114982402",
                "token": "k" * 68,
                "type": 1,
                "avatar": None,
                "guild_id": "290926792226357250",
                "id": key,
            },
        }


@pytest.fixture
def discord(settings: Settings) -> Iterator[DiscordOAuth]:
    settings.OAUTH_CLIENTS = {"discord": ("client", "secret")}
    with DiscordOAuth() as server:
        settings.PROVIDER_ENDPOINTS = {"discord": server.endpoints}
        yield server


@pytest.fixture
def connect(discord: DiscordOAuth, api: Api) -> Connect:
    def run(user: User) -> Any:
        client = api(user)
        begun = client.get("/api/v1/integrations/oauth/authorize/discord").json()
        return client.get("/api/v1/integrations/oauth/callback/discord", {"code": "c0de", "state": begun["state"]})

    return run


def test_the_webhook_of_a_consent_is_deleted_with_the_integration(
    discord: DiscordOAuth, connect: Connect, alice: User
) -> None:
    connect(alice)
    assert Grant.objects.get().account_key == "290926792226357250/347114750880120861"
    delete_integration(alice, "discord")
    duties.run_all()
    assert discord.webhooks == set()
    assert discord.revocations == 2  # the refresh and the access token


def test_connecting_again_deletes_the_former_webhook_and_revokes_nothing(
    discord: DiscordOAuth, connect: Connect, alice: User
) -> None:
    connect(alice)
    connect(alice)
    duties.run_all()
    assert discord.webhooks == {"347114750880120862"}
    assert discord.revocations == 0
    assert Integration.objects.get().status == "active"


def test_a_deletion_does_not_end_the_tokens_of_others(
    discord: DiscordOAuth, connect: Connect, alice: User, bob: User
) -> None:
    connect(alice)
    connect(bob)
    delete_integration(alice, "discord")
    duties.run_all()
    assert discord.webhooks == {"347114750880120862"}
    assert discord.revocations == 0


def test_the_webhook_of_a_consent_that_is_not_confirmed_is_deleted(discord: DiscordOAuth, alice: User) -> None:
    granted = discord.granted()
    tokens = Tokens(granted["access_token"], granted["refresh_token"], 604800, ("webhook.incoming",), granted)
    keep(alice, client_for("discord"), Connection(tokens, "Invenicum"), Origin())
    UnconfirmedConnection.objects.update(expires_at=timezone.now())
    assert expire() == 1
    duties.run_all()
    assert discord.webhooks == set()


def test_the_webhook_of_a_flow_that_failed_is_deleted_if_its_address_is_discords(
    discord: DiscordOAuth, alice: User
) -> None:
    granted = discord.granted()
    tokens = Tokens(granted["access_token"], granted["refresh_token"], 604800, ("webhook.incoming",), granted)
    revoke_unused(alice, client_for("discord"), tokens)
    elsewhere = {**granted, "webhook": {"url": "https://evil.example/"}}
    revoke_unused(alice, client_for("discord"), replace(tokens, answer=elsewhere))
    assert ProviderJob.objects.count() == 1
    duties.run_all()
    assert discord.webhooks == set()


def test_flows_that_fail_again_and_again_do_not_fill_the_queue(discord: DiscordOAuth, alice: User) -> None:
    granted = discord.granted()
    tokens = Tokens(granted["access_token"], granted["refresh_token"], 604800, ("webhook.incoming",), granted)
    for _ in range(MAX_WAITING_DELETES + 2):
        revoke_unused(alice, client_for("discord"), tokens)
    assert ProviderJob.objects.count() == MAX_WAITING_DELETES


def test_deliveries_need_no_token_so_none_is_refreshed(discord: DiscordOAuth, connect: Connect, alice: User) -> None:
    connect(alice)
    past = timezone.now() - timedelta(days=30)
    Grant.objects.update(expires_at=past, refreshed_at=past)
    assert refresh_due() == 0
    publish(alice, "asset.created", {"assetId": "asset-1", "name": "Chair"})
    drain()
    assert Delivery.objects.get().status == "delivered"
    assert (discord.made, discord.posted) == (1, 1)
    assert Integration.objects.get().status == "active"

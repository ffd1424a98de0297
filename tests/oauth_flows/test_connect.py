"""What a finished flow stores."""

import json

import pytest
from django.utils import timezone

from integrations.models import Integration
from integrations.services import save_integration
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from oauth_flows.clients import client_for
from oauth_flows.code_exchange import Connection
from oauth_flows.connect import connect
from oauth_flows.protocol import Tokens
from tests.fakes.http_server import json_answer
from tests.fakes.token_server import TokenServer
from webhooks.engine.worker import drain
from webhooks.models import Delivery

TOKENS = Tokens(access="access-1", refresh="refresh-1", expires_in=3600, scopes=None, answer={})


def connect_dropbox(owner: User) -> Integration:
    return connect(owner, client_for("dropbox"), Connection(TOKENS, "ada@example.com"))


@pytest.mark.django_db
def test_oauth_and_a_save_store_a_config_in_the_same_columns(dropbox: TokenServer, alice: User, bob: User) -> None:
    connected = connect_dropbox(alice)
    saved = save_integration(bob, "dropbox", {"accessToken": "sl.u.0123456789"}).integration
    assert connected.ordered is saved.ordered is True
    for column in ("config", "subscriptions", "ordered"):
        assert getattr(connected, column) == getattr(saved, column), column


@pytest.mark.django_db(transaction=True)
def test_a_late_retry_does_not_overwrite_a_newer_document(dropbox: TokenServer, alice: User) -> None:
    connect_dropbox(alice)
    answer = dropbox.handler
    dropbox.handler = lambda request: json_answer(503, {})
    publish(alice, "asset.updated", {"assetId": "asset-1", "name": "old"}, document={"id": "asset-1", "name": "old"})
    drain()
    assert Delivery.objects.get().attempt_count == 1
    dropbox.handler = answer
    publish(alice, "asset.updated", {"assetId": "asset-1", "name": "new"}, document={"id": "asset-1", "name": "new"})
    for _ in range(2):
        drain()
        Delivery.objects.filter(status="pending").update(due_at=timezone.now())
        Integration.objects.get().lane.__class__.objects.update(held_until=None)
    assert [json.loads(body)["name"] for body in dropbox.uploads if b'"name"' in body] == ["old", "new"]

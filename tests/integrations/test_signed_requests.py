"""The request of a delivery, signed for its owner to send by hand."""

import pytest
from standardwebhooks import Webhook as Verifier

from integrations.core.errors import IntegrationError
from integrations.lookups import IntegrationNotFound
from integrations.models import Integration
from integrations.services import save_integration
from integrations.signed_requests import SignedRequest, signed_request
from integrations.signing_secrets import NoSigningSecret
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from tests.factories import SECRET, connect_webhook

pytestmark = pytest.mark.django_db
SLACK = {"webhookUrl": "https://hooks.slack.com/services/T00000000/B00000000/" + "X" * 24, "channel": "#assets"}


def signed(owner: User) -> SignedRequest:
    event = publish(owner, "asset.updated", {"assetId": "asset-1", "name": "Leica M3"})
    return signed_request(owner, "webhook", event.message("dlv_1"), int(event.created_at.timestamp()))


def test_what_a_template_makes_is_signed(alice: User) -> None:
    connect_webhook(alice, template='{"text": "{{ data.name }}"}')
    found = signed(alice)
    assert found.request.body == b'{"text":"Leica M3"}'
    assert found.hidden == ()
    assert Verifier(SECRET).verify(found.request.body, dict(found.request.headers)) == {"text": "Leica M3"}


def test_secret_headers_and_tokens_are_named(alice: User) -> None:
    connect_webhook(alice, headers={"X-Key": "abc", "X-Team": "cameras and lenses"})
    assert signed(alice).hidden == ("X-Key", "X-Team")
    token = {"oauthTokenUrl": "https://example.com/token", "oauthClientId": "id", "oauthClientSecret": "a-secret"}
    connect_webhook(alice, headers={}, **token)
    found = signed(alice)
    assert found.hidden == ("Authorization",)
    assert found.request.url == "http://127.0.0.1:9/hook"


def test_types_that_sign_nothing_and_integrations_that_do_not_work(alice: User, bob: User) -> None:
    save_integration(alice, "slack", SLACK)
    message = publish(alice, "asset.updated", {"assetId": "asset-1"}).message()
    with pytest.raises(NoSigningSecret):
        signed_request(alice, "slack", message, 0)
    with pytest.raises(IntegrationNotFound):
        signed_request(bob, "webhook", message, 0)
    connect_webhook(alice)
    Integration.objects.update(config={})
    with pytest.raises(IntegrationError):
        signed_request(alice, "webhook", message, 0)

from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from invenicum.accounts.models import User
from oauth_flows.models import Grant
from oauth_flows.reconnect_alerts import notify_owners
from tests.fakes.token_server import TokenServer
from tests.oauth_flows.connected import connect_dropbox
from webhooks import duties

pytestmark = pytest.mark.django_db


def test_the_owner_of_a_refused_connection_is_notified_once(dropbox: TokenServer, alice: User, bob: User) -> None:
    connect_dropbox(alice, expires_in=-1)
    connect_dropbox(bob)
    dropbox.revoked = True
    duties.run_all()
    duties.run_all()
    [message] = mail.outbox
    assert message.to == ["alice@example.com"]
    assert message.subject == "Invenicum: connect Dropbox again"
    assert "ada@example.com" in message.body
    assert "access-1" not in message.body


def refused(owner: User) -> None:
    connect_dropbox(owner)
    Grant.objects.update(refused_at=timezone.now())


def test_an_owner_without_an_e_mail_address_is_no_error(alice: User) -> None:
    alice.email = ""
    alice.save()
    refused(alice)
    assert notify_owners() == 1
    assert mail.outbox == []


def test_a_mail_server_that_is_down_is_no_error(settings: Any, alice: User) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    refused(alice)
    assert notify_owners() == 1
    assert notify_owners() == 0

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook as Verifier

from integrations import reserved_secrets
from integrations.models import Integration, ReservedSecret
from invenicum.accounts.models import User
from tests.fakes.http_server import Answer, FakeServer, Received
from webhooks.retention import prune

pytestmark = pytest.mark.django_db
SECRET = "/integrations/webhook/secret"


class VerifyingServer(FakeServer):
    """Answers 401 to requests that are not signed with `secret`."""

    secret = "whsec_bm8gc2VjcmV0IHRoYXQgaXMga25vd24gaGVyZQ=="

    def __init__(self) -> None:
        super().__init__(self._verify)

    def _verify(self, request: Received) -> Answer:
        try:
            Verifier(self.secret).verify(request.body, dict(request.headers))
        except Exception:  # noqa: BLE001 - whatever the library raises, the request is not trusted
            return 401, {}, b""
        return 204, {}, b""


@pytest.fixture
def server() -> Iterator[VerifyingServer]:
    with VerifyingServer() as server:
        yield server


def submit(api: Callable[[User], Any], user: User, path: str, url: str, **config: Any) -> Any:
    return api(user).post(path, {"type": "webhook", "config": {"url": url, **config}})


def test_a_receiver_that_verifies_can_be_tested_before_it_is_saved(
    api: Callable[[User], Any], alice: User, server: VerifyingServer
) -> None:
    refused = submit(api, alice, "/integrations/test", server.url)
    assert (refused.status_code, refused.json()["error"]) == (400, "INTEGRATION_AUTH_FAILED")
    assert not Integration.objects.exists()
    server.secret = api(alice).get(SECRET).json()["data"]["signingSecret"]
    assert submit(api, alice, "/integrations/test", server.url).status_code == 200
    saved = submit(api, alice, "/integrations", server.url).json()["data"]
    assert saved["signingSecret"] == server.secret
    assert api(alice).get(SECRET).json()["data"]["signingSecret"] == server.secret
    assert submit(api, alice, "/integrations/test", server.url).status_code == 200
    assert not ReservedSecret.objects.exists()


def test_each_account_has_its_own(
    api: Callable[[User], Any], alice: User, bob: User, charlie: User, server: VerifyingServer
) -> None:
    for user in (alice, bob):
        submit(api, user, "/integrations/test", server.url)
    of_alice, of_bob = (api(user).get(SECRET).json()["data"]["signingSecret"] for user in (alice, bob))
    assert of_alice != of_bob
    assert api(charlie).get(SECRET).status_code == 404


def test_a_chosen_secret_signs_the_test_and_ends_the_reservation(
    api: Callable[[User], Any], alice: User, server: VerifyingServer
) -> None:
    submit(api, alice, "/integrations/test", server.url)
    assert submit(api, alice, "/integrations/test", server.url, secret=server.secret).status_code == 200
    assert "signingSecret" not in submit(api, alice, "/integrations", server.url, secret=server.secret).json()["data"]
    assert not ReservedSecret.objects.exists()


def test_a_test_that_erases_the_secret_is_signed_with_the_one_that_the_save_makes(
    api: Callable[[User], Any], alice: User, server: VerifyingServer
) -> None:
    submit(api, alice, "/integrations", server.url, secret=server.secret)
    assert submit(api, alice, "/integrations/test", server.url, secret=None).status_code == 400
    server.secret = ReservedSecret.objects.get().secret
    assert submit(api, alice, "/integrations/test", server.url, secret=None).status_code == 200
    submit(api, alice, "/integrations", server.url, secret=None)
    assert Integration.objects.get().secrets == {"secret": server.secret}


def test_a_deleted_webhook_leaves_no_secret_behind(
    api: Callable[[User], Any], alice: User, server: VerifyingServer
) -> None:
    first = submit(api, alice, "/integrations", server.url).json()["data"]["signingSecret"]
    api(alice).delete("/integrations/webhook")
    assert submit(api, alice, "/integrations", server.url).json()["data"]["signingSecret"] != first


def test_one_that_cannot_be_decrypted_is_replaced(
    api: Callable[[User], Any], alice: User, server: VerifyingServer
) -> None:
    submit(api, alice, "/integrations/test", server.url)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_reservedsecret SET secret = %s", [b"nonsense"])
    submit(api, alice, "/integrations/test", server.url)
    assert ReservedSecret.objects.get().secret.startswith("whsec_")


def test_old_ones_are_deleted(api: Callable[[User], Any], alice: User, server: VerifyingServer) -> None:
    submit(api, alice, "/integrations/test", server.url)
    prune(timezone.now() - timedelta(days=30))
    assert ReservedSecret.objects.count() == 1
    ReservedSecret.objects.update(reserved_at=timezone.now() - reserved_secrets.RESERVED_SECRET_LIFETIME)
    prune(timezone.now() - timedelta(days=30))
    assert not ReservedSecret.objects.exists()

"""Signatures that are verified with a public key (`v1a`)."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from integrations.connectors.webhook import Webhook
from integrations.core.errors import InvalidConfig
from integrations.core.signing import ROTATION_OVERLAP_SECONDS, generate_private_key, verification_key
from integrations.egress.curl import run_flow
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.demo.receiver import verify_standard
from tests.fakes.http_server import FakeServer
from tests.flows import CREATED, play, text_response

URL = "https://myservice.com/webhooks/invenicum"
SHARED = "a-secret-that-both-sides-have"
KEY = "/integrations/webhook/secret"
# The same each time, because it is part of the names of tests.
PRIVATE_KEY = f"whsk_{'A' * 43}="

Save = Callable[..., Any]


@pytest.fixture
def save(api: Callable[[User], Any], alice: User) -> Save:
    def save(**config: Any) -> Any:
        return api(alice).post("/integrations", {"type": "webhook", "config": {"url": URL, **config}})

    return save


def shown(api: Callable[[User], Any], user: User) -> str:
    return str(api(user).get(KEY).json()["data"]["signingSecret"])


def test_a_delivery_can_be_verified_with_the_public_key_only() -> None:
    secret = generate_private_key()
    with FakeServer(lambda request: (204, {}, b"")) as server:
        config = Webhook.Config.parse({"url": server.url, "signature": "v1a", "secret": secret})
        run_flow(Webhook().deliver(CREATED, config, int(time.time())))
        (received,) = server.wait_for(1)
    assert "x-invenicum-signature" not in received.headers
    assert verify_standard(received.headers, received.body, verification_key(secret), time.time())
    assert not verify_standard(received.headers, b"{}", verification_key(secret), time.time())


def test_both_keys_sign_until_the_old_one_has_run_out() -> None:
    new, old, now = generate_private_key(), generate_private_key(), int(time.time())
    secrets = {"secret": new, "previousSecret": old, "previousSecretUntil": now + ROTATION_OVERLAP_SECONDS}
    rotated = Webhook.Config.load({"url": URL, "signature": "v1a"}, secrets)
    for moment, expected in ((now, [True, True]), (now + ROTATION_OVERLAP_SECONDS, [True, False])):
        _, (request,) = play(Webhook().deliver(CREATED, rotated, moment), text_response(200))
        keys = [verification_key(secret) for secret in (new, old)]
        assert [verify_standard(request.headers, request.body, key, moment) for key in keys] == expected


@pytest.mark.parametrize(
    ("signature", "secret", "says"),
    [
        ("v1a", SHARED, "must begin with whsk_ if signature is v1a"),
        ("v1", PRIVATE_KEY, "must begin with whsk_ if signature is v1a, and only then"),
        ("v1a", "whsk_" + "A" * 30, "is not an Ed25519 key"),
        ("v1a", verification_key(PRIVATE_KEY), "is a public key, which cannot sign"),
    ],
)
def test_a_secret_of_another_kind_is_refused(signature: str, secret: str, says: str) -> None:
    with pytest.raises(InvalidConfig, match=says):
        Webhook.Config.parse({"url": URL, "signature": signature, "secret": secret})


@pytest.mark.django_db
def test_only_the_public_key_is_shown(api: Callable[[User], Any], alice: User, save: Save) -> None:
    made = save(signature="v1a").json()["data"]["signingSecret"]
    assert made.startswith("whpk_")
    assert shown(api, alice) == made == verification_key(Integration.objects.get().secrets["secret"])


@pytest.mark.django_db
def test_a_rotation_makes_a_new_key_pair(api: Callable[[User], Any], alice: User, save: Save) -> None:
    first = save(signature="v1a").json()["data"]["signingSecret"]
    rotated = api(alice).post(f"{KEY}/rotate").json()["data"]["signingSecret"]
    assert rotated.startswith("whpk_")
    assert rotated != first
    secrets = Integration.objects.get().secrets
    assert [verification_key(secrets[name]) for name in ("secret", "previousSecret")] == [rotated, first]


@pytest.mark.django_db
@pytest.mark.parametrize("secret", [SHARED, ""], ids=["chosen by its owner", "made here"])
def test_another_kind_of_signature_gets_a_new_secret(
    api: Callable[[User], Any], alice: User, save: Save, secret: str
) -> None:
    save(secret=secret)
    before = shown(api, alice)
    api(alice).post(f"{KEY}/rotate")
    assert save(signature="v1a", secret="").status_code == 200
    public = shown(api, alice)
    assert public.startswith("whpk_")
    assert set(Integration.objects.get().secrets) == {"secret"}, "a rotation ends with it"
    assert save(signature="v1a").status_code == 200
    assert shown(api, alice) == public
    assert save().status_code == 200
    assert shown(api, alice).startswith("whsec_")
    assert shown(api, alice) != before


@pytest.mark.django_db
def test_a_key_pair_of_ones_own_is_used(api: Callable[[User], Any], alice: User, save: Save) -> None:
    save()
    secret = generate_private_key()
    assert save(signature="v1a", secret=secret).status_code == 200
    assert shown(api, alice) == verification_key(secret)


@pytest.mark.django_db
def test_a_test_before_the_save_uses_the_key_pair_of_the_save(api: Callable[[User], Any], alice: User) -> None:
    with FakeServer(lambda request: (204, {}, b"")) as server:
        for signature in ("v1", "v1a"):
            body = {"type": "webhook", "config": {"url": server.url, "signature": signature}}
            assert api(alice).post("/integrations/test", body).status_code == 200
        received = server.wait_for(2)[-1]
        public = shown(api, alice)
        assert verify_standard(received.headers, received.body, public, time.time())
        assert api(alice).post("/integrations", body).json()["data"]["signingSecret"] == public

import stat
from pathlib import Path

import pytest
from django.test import Client
from oauth2_provider.models import AccessToken

from integrations.services import delete_integration, save_integration
from invenicum.accounts.models import User
from invenicum.assets.models import Asset
from invenicum.demo import seed
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "demo.json"


def works(token: str) -> bool:
    response = Client().get("/integrations/status", headers={"Authorization": f"Bearer {token}"})
    return response.status_code == 200


def test_the_first_start_creates_a_user_whose_credentials_work(file: Path) -> None:
    user, account = seed.account(file)
    assert Client().login(username=user.username, password=account.password)
    assert works(account.token)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_later_start_keeps_what_works(file: Path) -> None:
    assert seed.account(file) == seed.account(file)
    assert AccessToken.objects.count() == 1


def test_what_no_longer_works_is_replaced(file: Path) -> None:
    _, before = seed.account(file)
    AccessToken.objects.all().delete()
    user, after = seed.account(file)
    assert (after.password, works(after.token)) == (before.password, True)
    user.set_password("changed by a person")
    user.save()
    assert Client().login(username=user.username, password=seed.account(file)[1].password)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"password": 1}', "not JSON"])
def test_a_damaged_file_counts_as_missing(file: Path, content: str) -> None:
    file.write_text(content)
    assert works(seed.account(file)[1].token)


def test_the_webhook_is_pointed_at_the_receiver_with_its_own_secret(alice: User) -> None:
    secret = seed.point_webhook_to(alice, 8001)
    saved = seed.saved_webhook(alice)
    assert saved is not None
    assert (seed.receiver_port(saved), secret[:6]) == (8001, "whsec_")


def test_another_port_keeps_the_secret_and_what_the_user_chose(alice: User) -> None:
    secret = seed.point_webhook_to(alice, 8001)
    save_integration(alice, "webhook", {"url": seed.RECEIVER_URL.format(port=8001), "method": "PUT"})
    assert seed.point_webhook_to(alice, 9001) == secret
    saved = seed.saved_webhook(alice)
    assert saved is not None
    assert saved.config == {"url": "http://127.0.0.1:9001/demo-receiver", "method": "PUT"}


def test_a_webhook_that_points_elsewhere_is_left_alone(alice: User, bob: User) -> None:
    save_integration(alice, "webhook", {"url": "https://example.com/demo-receiver"})
    saved = seed.saved_webhook(alice)
    assert saved is not None
    assert seed.receiver_port(saved) is None
    assert seed.saved_webhook(bob) is None


def test_each_start_has_something_to_deliver(alice: User) -> None:
    seed.point_webhook_to(alice, 8001)
    seed.make_something_happen(alice)
    seed.make_something_happen(alice)
    names = Delivery.objects.order_by("id").values_list("event__name", flat=True)
    assert list(names) == ["asset.created", "ping"]
    assert Asset.objects.get().name == "Product Photo.jpg"


def test_without_a_webhook_nothing_is_pinged(alice: User) -> None:
    seed.point_webhook_to(alice, 8001)
    seed.make_something_happen(alice)
    delete_integration(alice, "webhook")
    seed.make_something_happen(alice)
    assert Delivery.objects.count() == 1

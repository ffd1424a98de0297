from collections.abc import Callable, Iterator

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from fernet_fields.fields import DecryptionError

from integrations.models import Integration
from invenicum.accounts.models import User
from oauth_flows.models import ProviderApp
from tests.factories import SECRET, connect_webhook

FIELDS = [Integration._meta.get_field("secrets"), ProviderApp._meta.get_field("client_secret")]


def forget_keys() -> None:
    """Lets the fields read FERNET_KEYS again, as a new process would."""
    for field in FIELDS:
        for name in ("keys", "fernet_keys", "fernet"):
            field.__dict__.pop(name, None)


@pytest.fixture
def set_keys(settings: LazySettings) -> Iterator[Callable[..., None]]:
    def set_keys(*keys: str) -> None:
        settings.FERNET_KEYS = list(keys)
        forget_keys()

    yield set_keys
    forget_keys()


@pytest.fixture(autouse=True)
def forget_keys_at_the_end(settings: LazySettings) -> Iterator[None]:
    keys = settings.FERNET_KEYS
    yield
    settings.FERNET_KEYS = keys
    forget_keys()


def test_after_a_rotation_the_old_key_can_go(alice: User, bob: User, set_keys: Callable[..., None]) -> None:
    set_keys("old")
    of_alice, of_bob = connect_webhook(alice), connect_webhook(bob, headers={"Authorization": "Bearer b"})
    app = ProviderApp.objects.create(type="github", client_id="c", client_secret="s")

    set_keys("new", "old")
    call_command("rotate_secrets")

    set_keys("new")
    assert Integration.objects.get(pk=of_alice.pk).secrets == {"secret": SECRET}
    assert Integration.objects.get(pk=of_bob.pk).secrets["headers"] == {"Authorization": "Bearer b"}
    assert ProviderApp.objects.get(pk=app.pk).client_secret == "s"


def test_without_a_rotation_the_old_key_is_still_needed(alice: User, set_keys: Callable[..., None]) -> None:
    set_keys("old")
    integration = connect_webhook(alice)
    set_keys("new")
    with pytest.raises(DecryptionError):
        Integration.objects.get(pk=integration.pk)


def test_nothing_but_the_encryption_changes(alice: User, set_keys: Callable[..., None]) -> None:
    set_keys("old")
    integration = connect_webhook(alice)
    set_keys("new", "old")
    call_command("rotate_secrets")
    after = Integration.objects.get(pk=integration.pk)
    assert (after.updated_at, after.config, after.status) == (
        integration.updated_at,
        integration.config,
        integration.status,
    )

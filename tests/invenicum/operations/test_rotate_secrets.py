from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.encrypted_fields import DecryptionError
from oauth_flows.models import ProviderApp
from tests.factories import SECRET, connect_webhook


@pytest.fixture
def set_keys(settings: LazySettings) -> Callable[..., None]:
    def set_keys(*keys: str) -> None:
        settings.FERNET_KEYS = list(keys)

    return set_keys


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

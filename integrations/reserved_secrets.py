"""The signing secret of an integration that is not saved yet: a test is signed with it, and the save takes it.

Otherwise a receiver that verifies could not be tested before it is connected.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.encrypted_fields import DecryptionError

from .core.config import ConnectorConfig
from .core.connector import Connector
from .models import ReservedSecret

RESERVED_SECRET_LIFETIME = timedelta(days=7)


def sign_as_saved(connector: Connector, owner: User, config: ConnectorConfig) -> ConnectorConfig:
    """`config` with the signing secret that it would have if its owner saved it now.

    For example, a custom webhook without `secret` comes back with `whsec_…`, the same on the next call.
    """
    field = connector.signing_secret or ""
    made = connector.generated_secrets(config).get(field)
    if made is None:
        return config
    secret = read(connector.type, owner)
    if secret is None or _kind(secret) != _kind(made):
        secret = made
        reserved = ReservedSecret(owner=owner, type=connector.type, secret=secret, reserved_at=timezone.now())
        ReservedSecret.objects.bulk_create(
            [reserved],
            update_conflicts=True,
            unique_fields=["owner", "type"],
            update_fields=["secret", "reserved_at"],
        )
    return type(config).load(config.public(), config.secrets() | {field: secret})


def read(integration_type: str, owner: User) -> str | None:
    """The reserved secret of this type, or None. One that cannot be decrypted counts as absent."""
    try:
        row = ReservedSecret.objects.filter(owner=owner, type=integration_type).first()
    except DecryptionError:
        return None
    return row.secret if row else None


def take(connector: Connector, owner: User, config: ConnectorConfig) -> dict[str, str]:
    """The reserved secret by JSON name, e.g. `{"secret": "whsec_…"}`, if `config` needs one; no longer reserved.

    The caller saves the integration in the same transaction.
    """
    field = connector.signing_secret
    if field is None:
        return {}
    secret, made = read(connector.type, owner), connector.generated_secrets(config).get(field)
    ReservedSecret.objects.filter(owner=owner, type=connector.type).delete()
    return {field: secret} if secret and made and _kind(secret) == _kind(made) else {}


def forget_old() -> None:
    """Deletes those that no save has taken within RESERVED_SECRET_LIFETIME."""
    ReservedSecret.objects.filter(reserved_at__lt=timezone.now() - RESERVED_SECRET_LIFETIME).delete()


def _kind(secret: str) -> str:
    return secret.partition("_")[0]

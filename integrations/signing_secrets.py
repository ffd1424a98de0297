"""The secrets that requests are signed with: shown to their owner, and replaced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.audit.services import Action, record, target_of
from invenicum.encrypted_fields import DecryptionError

from . import registry, reserved_secrets, submissions
from .core.signing import ROTATION_OVERLAP_SECONDS, SigningSecrets, verification_key
from .lookups import IntegrationNotFound, find, lock
from .models import Integration


class NoSigningSecret(LookupError):
    """This type signs nothing, or nothing is stored yet."""


def signing_secret(owner: User, integration_type: str) -> str:
    """What verifies what is sent: the signing secret, e.g. `whsec_…`, or the public key `whpk_…` of a private one.

    Before the first save it is that of the secret that a test was signed with.

    Raises UnknownType, IntegrationNotFound or NoSigningSecret.
    """
    try:
        integration = find(owner, integration_type)
        shown = verification_key(_signing_secret(integration))
        record(Action.SECRET_SHOWN, owner=owner, type=integration_type, target=target_of(integration))
        return shown
    except IntegrationNotFound:
        if reserved := reserved_secrets.read(integration_type, owner):
            return verification_key(reserved)
        raise


def known_secrets(owner: User, integration_type: str) -> SigningSecrets | None:
    """The secret that signs and the one before it, to compare signatures with; None without a saved one, or a reserved
    one. They are shown to no one. Raises UnknownType.
    """
    stored = submissions.stored(owner, integration_type)
    field = registry.get(integration_type).signing_secret or ""
    if stored is None or not stored.secrets.get(field):
        reserved = reserved_secrets.read(integration_type, owner)
        return SigningSecrets(reserved) if reserved else None
    previous = stored.secrets.get("previousSecret", "")
    return SigningSecrets(stored.secrets[field], previous, stored.secrets.get("previousSecretUntil", 0))


@transaction.atomic
def rotate_signing_secret(owner: User, integration_type: str) -> tuple[str, datetime]:
    """Makes a new signing secret. Returns what verifies it, and the time until which the previous one signs too.

    Raises UnknownType, IntegrationNotFound, NoSigningSecret or InvalidConfig.
    """
    integration = lock(owner, integration_type)
    old = _signing_secret(integration)
    connector = registry.get(integration_type)
    field = connector.signing_secret or ""
    new = connector.generated_secrets(integration.load_config().model_copy(update={field: None}))[field]
    until = timezone.now() + timedelta(seconds=ROTATION_OVERLAP_SECONDS)
    integration.secrets |= {field: new, "previousSecret": old, "previousSecretUntil": int(until.timestamp())}
    integration.save()
    record(Action.SECRET_ROTATED, owner=owner, type=integration_type, target=target_of(integration))
    return verification_key(new), until


def rotation_ends(integration: Integration) -> datetime | None:
    """Until when the previous signing secret signs too; None if only the present one does."""
    try:
        until = integration.secrets.get("previousSecretUntil", 0)
    except DecryptionError:
        return None
    return datetime.fromtimestamp(until, UTC) if until > timezone.now().timestamp() else None


def _signing_secret(integration: Integration) -> str:
    field = registry.get(integration.type).signing_secret
    secret: str | None = integration.secrets.get(field) if field else None
    if secret is None:
        raise NoSigningSecret(integration.type)
    return secret

from typing import Any

from django.conf import settings
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from integrations.models import Integration
from integrations.signals import integration_deleted
from invenicum.accounts.models import User

from . import confirmations
from .models import UnconfirmedConnection
from .revoke import end_grants


@receiver(integration_deleted)
def on_integration_deleted(integration: Integration, **kwargs: Any) -> None:
    end_grants(integration)


@receiver(pre_delete, sender=settings.AUTH_USER_MODEL)
def on_user_deleted(instance: User, **kwargs: Any) -> None:
    """What was granted for a user who goes is revoked; the rest of their flows goes with their row."""
    unconfirmed = UnconfirmedConnection.objects.select_for_update().defer("tokens")
    for found in unconfirmed.filter(owner=instance):
        confirmations.end(found)

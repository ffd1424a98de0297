"""Receivers of signals: the deletion of a user ends their integrations."""

from typing import Any

from django.conf import settings
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from invenicum.accounts.models import User
from invenicum.accounts.services import lock_account

from .models import Integration
from .services import erase


@receiver(pre_delete, sender=settings.AUTH_USER_MODEL)
def on_user_deleted(instance: User, **kwargs: Any) -> None:
    """Ends each integration as its owner's own delete does, in the transaction that removes the rows.

    The jobs that this leaves for the providers outlive the rows.
    """
    lock_account(instance)  # first, as everything does that locks several rows of a user
    live = Integration.objects.live().without_secrets().select_for_update()
    for integration in live.filter(owner=instance):
        erase(integration)

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from integrations.models import Integration
from integrations.signals import integration_deleted

from . import revoke
from .models import Grant


@receiver(integration_deleted)
def on_integration_deleted(integration: Integration, **kwargs: Any) -> None:
    for grant in Grant.objects.select_for_update().filter(integration=integration):
        revoke.end_grant(grant)


@receiver(pre_delete, sender=Grant)
def on_grant_deleted(instance: Grant, origin: Any, **kwargs: Any) -> None:
    """Also where a whole user is deleted, and the integration with it."""
    revocation = revoke.revocation_of(instance)
    if origin is not instance:
        revocation.integration = None
    revoke.schedule(revocation)

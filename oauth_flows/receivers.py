from typing import Any

from django.dispatch import receiver

from integrations.models import Integration
from integrations.signals import integration_deleted

from . import revoke
from .models import Grant


@receiver(integration_deleted)
def on_integration_deleted(integration: Integration, **kwargs: Any) -> None:
    for grant in Grant.objects.select_for_update().filter(integration=integration):
        revoke.end_grant(grant)

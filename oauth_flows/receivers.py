from typing import Any

from django.dispatch import receiver

from integrations.models import Integration
from integrations.signals import integration_deleted

from .revoke import end_grants


@receiver(integration_deleted)
def on_integration_deleted(integration: Integration, **kwargs: Any) -> None:
    end_grants(integration)

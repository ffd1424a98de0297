"""Answers what `integrations` asks about OAuth."""

from collections.abc import Callable
from typing import Any, TypeVar

from integrations.core.config import ConnectorConfig
from integrations.core.http import Flow
from integrations.core.inbound import ConnectionEnd
from integrations.grants import Grants
from integrations.models import Integration
from invenicum.encrypted_fields import DecryptionError

from . import refresh, tokens
from .models import Grant
from .revoke import end_grants

T = TypeVar("T")


class OAuthGrants(Grants):
    def is_connected(self, integration: Integration) -> bool:
        return Grant.objects.filter(integration=integration).exists()

    def is_refused(self, integration: Integration) -> bool:
        grant = Grant.objects.filter(integration=integration, refused_at__isnull=False).defer("tokens").first()
        if grant is None:
            return False
        grant.integration = integration
        return grant.is_needed

    def note_ended(self, integration: Integration, end: ConnectionEnd) -> bool | None:
        return refresh.note_ended(integration, end)

    def access_token(self, integration: Integration) -> str | None:
        try:
            grant = Grant.objects.filter(integration=integration).first()
        except DecryptionError:
            return None
        return grant.access_token if grant else None

    def run(
        self,
        integration: Integration,
        config: ConnectorConfig,
        call: Callable[[Any], Flow[T]],
        timeout: float | None = None,
    ) -> T:
        return tokens.run(integration, config, call, timeout)

    def flow(self, integration: Integration, config: ConnectorConfig, call: Callable[[Any], Flow[T]]) -> Flow[T]:
        return tokens.flow(integration, config, call)

    def end(self, integration: Integration) -> None:
        end_grants(integration)

"""The memory of connectors in the database: the ids that providers gave to what an integration has made there."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from invenicum.transactions import bounded

from .models import RemoteId


class RemoteIds:
    """What one integration remembers, as `integrations.core.memory.Memory`. Each call is one or two short statements.

    Every method raises `django.db.Error` if the database fails; `remember` also if the integration is gone.
    """

    def __init__(self, integration_id: UUID):
        self._integration_id = integration_id

    def recall(self, key: str) -> str | None:
        """The value under `key`, e.g. `1AbCdEfGhIjKlMnOp`, or None."""
        with bounded():
            return self._rows(key).values_list("value", flat=True).first()

    def remember(self, key: str, value: str) -> str:
        """Keeps `value` under `key`, unless another worker has kept one already. Returns what is kept."""
        row = RemoteId(integration_id=self._integration_id, key=key, value=value)
        with bounded():
            RemoteId.objects.bulk_create([row], ignore_conflicts=True)
            return self._rows(key).values_list("value", flat=True).get()

    def forget(self, key: str, value: str) -> None:
        """Removes `value` from `key`; another value stays."""
        with bounded():
            self._rows(key).filter(value=value).delete()

    def _rows(self, key: str) -> QuerySet[RemoteId]:
        return RemoteId.objects.filter(integration_id=self._integration_id, key=key).order_by()

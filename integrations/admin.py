from collections.abc import Callable

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from invenicum.admin import ReadOnly

from . import services
from .core.errors import InvalidConfig
from .models import Integration


@admin.register(Integration)
class IntegrationAdmin(ReadOnly, admin.ModelAdmin[Integration]):
    """Its rows can be paused, resumed and revoked. Only its owner changes a configuration; no secret is read here.

    Revoking replaces deleting: it also removes hooks and tokens at the provider and cancels the pending deliveries.
    """

    list_display = ["type", "owner", "status", "status_reason", "account", "last_sync", "failing_since", "created_at"]
    list_filter = ["type", "status", "problem_fault", "last_sync"]
    search_fields = ["owner__username", "owner__email", "account"]
    list_select_related = ["owner"]
    show_full_result_count = False
    actions = ["pause", "resume", "revoke"]
    readonly_fields = [
        "id",
        "owner",
        "type",
        "status",
        "status_reason",
        "account",
        "config",
        "stored_secrets",
        "subscriptions",
        "created_at",
        "updated_at",
        "last_sync",
        "failing_since",
    ]
    fields = tuple(readonly_fields)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Integration]:
        return Integration.objects.live().without_secrets()

    @admin.display(description="stored secrets")
    def stored_secrets(self, integration: Integration) -> str:
        return ", ".join(integration.secret_names) or "none"

    @admin.action(description="Pause the selected integrations", permissions=["act"])
    def pause(self, request: HttpRequest, chosen: QuerySet[Integration]) -> None:
        self._change(request, chosen, services.pause, "paused")

    @admin.action(description="Resume the selected integrations", permissions=["act"])
    def resume(self, request: HttpRequest, chosen: QuerySet[Integration]) -> None:
        self._change(request, chosen, services.resume, "resumed")

    @admin.action(description="Revoke: delete the selected integrations and their credentials", permissions=["act"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[Integration]) -> None:
        with transaction.atomic():
            integrations = list(Integration.objects.live().filter(pk__in=chosen.values("pk")).select_for_update())
            for integration in integrations:
                services.erase(integration)
        self.message_user(request, f"{len(integrations)} revoked.", messages.SUCCESS)

    def _change(
        self,
        request: HttpRequest,
        chosen: QuerySet[Integration],
        change: Callable[[Integration], None],
        done: str,
    ) -> None:
        count = 0
        with transaction.atomic():
            for integration in Integration.objects.live().filter(pk__in=chosen.values("pk")).select_for_update():
                try:
                    change(integration)
                except InvalidConfig as error:
                    self.message_user(request, f"{integration}: {error.message}", messages.WARNING)
                    continue
                count += 1
        self.message_user(request, f"{count} {done}.", messages.SUCCESS)

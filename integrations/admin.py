from collections.abc import Callable

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from invenicum.admin import BoundedPaginator, ReadOnly, chip, list_link
from invenicum.audit.admin_changes import ConfirmedActions
from invenicum.audit.services import target_of

from . import services
from .core.errors import InvalidConfig
from .models import Integration

TONES = {"active": "good", "needs_reconnect": "bad", "disabled": "bad"}


@admin.register(Integration)
class IntegrationAdmin(ConfirmedActions, ReadOnly, admin.ModelAdmin[Integration]):
    """Its rows can be paused, resumed and revoked. Only its owner changes a configuration; no secret is read here.

    Revoking replaces deleting: it also removes hooks and tokens at the provider and cancels the pending deliveries.
    """

    list_display = ["type", "owner", "state", "status_reason", "account", "last_success", "failing"]
    list_filter = ["type", "status", "problem_fault", "last_sync", ("failing_since", admin.EmptyFieldListFilter)]
    paginator = BoundedPaginator
    search_fields = ["owner__username", "owner__email", "account"]
    list_select_related = ["owner"]
    show_full_result_count = False
    actions = ["pause", "resume", "revoke"]
    readonly_fields = [
        "id",
        "owner",
        "see_also",
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

    @admin.display(description="state", ordering="status")
    def state(self, integration: Integration) -> str:
        if integration.problem_fault:
            return chip("bad" if integration.problem_fault == Integration.Fault.TARGET else "warn", "failing")
        return chip(TONES.get(integration.status, "rest"), integration.status.replace("_", " "))

    @admin.display(description="last success", ordering="last_sync")
    def last_success(self, integration: Integration) -> str:
        return f"{integration.last_sync:%d %b %H:%M}" if integration.last_sync else ""

    @admin.display(description="failing since", ordering="failing_since")
    def failing(self, integration: Integration) -> str:
        return f"{integration.failing_since:%d %b %H:%M}" if integration.failing_since else ""

    @admin.display(description="see also")
    def see_also(self, integration: Integration) -> str:
        """Links to what belongs to it, and to what an operator can do with it."""
        owner = reverse("admin:accounts_user_change", args=[integration.owner_id])
        revoke = f"{reverse('admin:action', args=['revoke-integration'])}?id={integration.pk}"
        links = [
            list_link("webhooks_delivery", "Deliveries", integration__exact=integration.pk),
            list_link("oauth_flows_grant", "Grant", integration__exact=integration.pk),
            list_link("audit_auditentry", "Changes", target=target_of(integration)),
            format_html('<a href="{}">Owner</a>', owner),
            format_html('<a href="{}">Revoke…</a>', revoke),
        ]
        return format_html_join(" · ", "{}", ((link,) for link in links))

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
        count = services.erase_all(chosen)
        self.message_user(request, f"{count} revoked.", messages.SUCCESS)

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

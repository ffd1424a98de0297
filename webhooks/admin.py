from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from .models import Attempt, Delivery
from .services import requeue


class ReadOnly:
    """What happened cannot be edited."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AttemptInline(ReadOnly, admin.TabularInline[Attempt, Delivery]):
    model = Attempt
    extra = 0
    readonly_fields = ["started_at", "duration_ms", "status_code", "error_class", "error", "response_excerpt"]
    fields = tuple(readonly_fields)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, admin.ModelAdmin[Delivery]):
    list_display = [
        "public_id",
        "event_name",
        "integration",
        "status",
        "attempt_count",
        "due_at",
        "error",
        "created_at",
    ]
    list_filter = ["status", "integration__type", "created_at"]
    search_fields = ["=id", "owner__username"]
    show_full_result_count = False
    list_per_page = 50
    ordering = ["-id"]
    actions = ["retry"]
    readonly_fields = [
        "public_id",
        "event",
        "integration",
        "owner",
        "status",
        "attempt_count",
        "due_at",
        "error",
        "created_at",
        "finished_at",
        "payload",
    ]
    fields = tuple(readonly_fields)
    inlines = [AttemptInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        rows = super().get_queryset(request).select_related("event", "integration", "owner")
        return rows.defer("integration__secrets")

    @admin.display(description="event")
    def event_name(self, delivery: Delivery) -> str:
        return delivery.event.name

    @admin.display
    def payload(self, delivery: Delivery) -> str:
        return delivery.event.body

    @admin.action(description="Retry the selected deliveries", permissions=["view"])
    def retry(self, request: HttpRequest, chosen: QuerySet[Delivery]) -> None:
        count = requeue(Delivery.objects.filter(pk__in=chosen.values("pk")))
        self.message_user(request, f"{count} queued again.", messages.SUCCESS)

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from invenicum.admin import ReadOnly
from invenicum.ids import parse_public_id

from .models import Attempt, Delivery, InboundEvent, Lane, LaneQuerySet
from .services import requeue


class AttemptInline(ReadOnly, admin.TabularInline[Attempt, Delivery]):
    model = Attempt
    extra = 0
    readonly_fields = ["started_at", "duration_ms", "status_code", "error_class", "error", "response_excerpt"]
    fields = tuple(readonly_fields)


class CircuitFilter(admin.SimpleListFilter):
    title = parameter_name = "circuit"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("failing", "failing"), ("open", "open")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Lane]) -> QuerySet[Lane]:
        assert isinstance(queryset, LaneQuerySet)
        match self.value():
            case "failing":
                return queryset.failing()
            case "open":
                return queryset.held(timezone.now())
        return queryset


@admin.register(Lane)
class LaneAdmin(ReadOnly, admin.ModelAdmin[Lane]):
    """Which endpoints fail, and which circuits are open."""

    list_display = ["integration", "circuit", "failures", "rejections", "problem", "held_until", "leased_until"]
    list_filter = [CircuitFilter, "integration__type"]
    search_fields = ["integration__owner__username"]
    show_full_result_count = False
    ordering = ["-failures"]
    actions = ["close"]
    readonly_fields = [
        "integration",
        "circuit",
        "failures",
        "openings",
        "rejections",
        "problem",
        "held_until",
        "worker",
        "leased_until",
    ]
    fields = tuple(readonly_fields)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lane]:
        return super().get_queryset(request).select_related("integration__owner").defer("integration__secrets")

    @admin.display
    def circuit(self, lane: Lane) -> str:
        return lane.circuit_state(timezone.now())

    @admin.display
    def problem(self, lane: Lane) -> str:
        return lane.integration.status_reason

    @admin.action(description="Close the circuit: try again at once", permissions=["act"])
    def close(self, request: HttpRequest, chosen: QuerySet[Lane]) -> None:
        count = Lane.objects.filter(pk__in=chosen.values("pk")).update(failures=0, openings=0, held_until=None)
        self.message_user(request, f"{count} circuits closed.", messages.SUCCESS)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, admin.ModelAdmin[Delivery]):
    list_display = [
        "public_id",
        "event_name",
        "integration",
        "status",
        "attempts_made",
        "due_at",
        "message",
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
        "attempts_made",
        "due_at",
        "message",
        "created_at",
        "finished_at",
        "payload",
    ]
    fields = tuple(readonly_fields)
    inlines = [AttemptInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        rows = super().get_queryset(request).select_related("event", "integration__owner", "owner")
        return rows.defer("integration__secrets")

    @admin.display(description="event")
    def event_name(self, delivery: Delivery) -> str:
        return delivery.event.name

    @admin.display
    def payload(self, delivery: Delivery) -> str:
        return delivery.event.body

    @admin.action(description="Retry the selected deliveries", permissions=["act"])
    def retry(self, request: HttpRequest, chosen: QuerySet[Delivery]) -> None:
        count = requeue(Delivery.objects.filter(pk__in=chosen.values("pk")))
        self.message_user(request, f"{count} queued again.", messages.SUCCESS)


@admin.register(InboundEvent)
class InboundEventAdmin(ReadOnly, admin.ModelAdmin[InboundEvent]):
    """What providers sent, and the event that it was published as."""

    list_display = ["public_id", "name", "integration", "provider_delivery_id", "received_at", "event"]
    list_filter = ["type", "received_at"]
    search_fields = ["=name", "=provider_delivery_id", "integration__owner__username"]
    search_help_text = "An id (inb_…), a name (github.push), the service's delivery id, or a user name."
    show_full_result_count = False
    list_per_page = 50
    ordering = ["-id"]
    fields = ["public_id", "name", "integration", "provider_delivery_id", "received_at", "event", "payload"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundEvent]:
        rows = super().get_queryset(request).select_related("integration__owner", "event")
        return rows.defer("integration__secrets")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[InboundEvent], search_term: str
    ) -> tuple[QuerySet[InboundEvent], bool]:
        key = parse_public_id("inb", search_term.strip())
        if key is not None:
            return queryset.filter(pk=key), False
        return super().get_search_results(request, queryset, search_term)

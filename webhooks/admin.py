from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import Truncator

from invenicum.accounts.models import User
from invenicum.admin import BoundedPaginator, ReadOnly, chip
from invenicum.audit.admin_changes import ConfirmedActions
from invenicum.ids import parse_public_id

from .admin_filters import AgeFilter, CircuitFilter, HttpStatusFilter, LastErrorFilter, TypeFilter
from .models import Attempt, Delivery, InboundEvent, Lane
from .services import requeue

OWNERS_SEARCHED = 50  # whose names contain what is searched for
ERROR_CHARACTERS_SHOWN = 120
TONES = {"delivered": "good", "failed": "bad"}


class AttemptInline(ReadOnly, admin.TabularInline[Attempt, Delivery]):
    model = Attempt
    extra = 0
    readonly_fields = ["started_at", "duration_ms", "status_code", "error_class", "error", "response_excerpt"]
    fields = tuple(readonly_fields)


@admin.register(Lane)
class LaneAdmin(ConfirmedActions, ReadOnly, admin.ModelAdmin[Lane]):
    """Which endpoints fail, and which circuits are open."""

    list_display = ["integration", "owner", "circuit", "failures", "rejections", "problem", "held_until"]
    list_filter = [CircuitFilter, TypeFilter, "on_hold"]
    paginator = BoundedPaginator
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
    def owner(self, lane: Lane) -> str:
        return lane.integration.owner.username

    @admin.display
    def circuit(self, lane: Lane) -> str:
        return lane.circuit_state(timezone.now())

    @admin.display
    def problem(self, lane: Lane) -> str:
        return lane.integration.status_reason

    @admin.action(description="Close the circuit: try again at once", permissions=["act"])
    def close(self, request: HttpRequest, chosen: QuerySet[Lane]) -> None:
        count = Lane.objects.filter(pk__in=chosen.values("pk")).close()
        self.message_user(request, f"{count} circuits closed.", messages.SUCCESS)


@admin.register(Delivery)
class DeliveryAdmin(ConfirmedActions, ReadOnly, admin.ModelAdmin[Delivery]):
    list_display = ["event_name", "service", "owner_name", "state", "attempts_made", "last_error", "due", "made"]
    list_filter = ["status", TypeFilter, LastErrorFilter, HttpStatusFilter, AgeFilter]
    search_fields = ["=id", "owner__username"]
    search_help_text = "An id (dlv_…), or a user's name or mail address."
    show_full_result_count = False
    paginator = BoundedPaginator
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

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        """By id, or by owner through the index of their log: no text of a million rows is compared."""
        term = search_term.strip()
        key = parse_public_id("dlv", term)
        if key is not None:
            return queryset.filter(pk=key), False
        if not term:
            return queryset, False
        owners = User.objects.filter(Q(username__icontains=term) | Q(email__icontains=term))[:OWNERS_SEARCHED]
        return queryset.filter(owner__in=[owner.pk for owner in owners]), False

    @admin.display(description="event")
    def event_name(self, delivery: Delivery) -> str:
        return delivery.event.name

    @admin.display(description="service")
    def service(self, delivery: Delivery) -> str:
        return delivery.integration.type

    @admin.display(description="owner")
    def owner_name(self, delivery: Delivery) -> str:
        return delivery.owner.username

    @admin.display(description="state")
    def state(self, delivery: Delivery) -> str:
        return chip(_tone(delivery), delivery.status)

    @admin.display(description="last error")
    def last_error(self, delivery: Delivery) -> str:
        kind = f"{delivery.error_class} {delivery.status_code or ''}".strip()
        return ": ".join(filter(None, (kind, Truncator(delivery.message).chars(ERROR_CHARACTERS_SHOWN))))

    @admin.display(description="next try")
    def due(self, delivery: Delivery) -> str:
        return f"{delivery.due_at:%d %b %H:%M:%S}" if delivery.due_at else ""

    @admin.display(description="made", ordering="id")
    def made(self, delivery: Delivery) -> str:
        return f"{delivery.created_at:%d %b %H:%M:%S}"

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
    paginator = BoundedPaginator
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


def _tone(delivery: Delivery) -> str:
    if delivery.status == Delivery.Status.PENDING and delivery.error_class:
        return "warn"
    return TONES.get(delivery.status, "rest")

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from invenicum.admin import ReadOnly
from invenicum.ids import parse_public_id

from .models import Event


@admin.register(Event)
class EventAdmin(ReadOnly, admin.ModelAdmin[Event]):
    """Read-only: an event is a fact."""

    list_display = ["public_id", "name", "owner", "occurred_at"]
    list_select_related = ["owner"]
    list_filter = ["created_at"]
    search_fields = ["=name", "owner__username"]
    search_help_text = "An event's id (evt_…) or name (asset.created), or a user name."
    fields = ["public_id", "name", "owner", "occurred_at", "created_at", "body", "document"]
    show_full_result_count = False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        key = parse_public_id("evt", search_term.strip())
        if key is not None:
            return queryset.filter(pk=key), False
        return super().get_search_results(request, queryset, search_term)

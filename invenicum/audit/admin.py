from ipaddress import ip_address

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from invenicum.admin import ReadOnly

from .models import AuditEntry

FOUND_USERS = 100  # of whom entries are looked for


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, admin.ModelAdmin[AuditEntry]):
    """The audit trail. It is searched for whole values."""

    list_display = ("at", "action", "who", "owner", "type", "account", "target", "address", "detail")
    list_filter = ["action", "at", "type"]
    search_fields = ["target"]  # shows the field; `get_search_results` looks
    search_help_text = "A user's name, mail address or account id, an address (IP), a provider account or a target."
    list_select_related = ["owner", "actor"]
    show_full_result_count = False
    date_hierarchy = "at"
    fields = readonly_fields = (
        "at",
        "action",
        "who",
        "owner",
        "type",
        "account",
        "target",
        "address",
        "detail",
        "request_id",
    )

    @admin.display(description="actor", ordering="actor_name")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor_name or "–"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        text = search_term.strip().replace("\0", "")
        if not text:
            return queryset, False
        account_id = text.removeprefix("user-")
        is_named = Q(username=text) | Q(email__iexact=text) | Q(account_id=account_id)
        users = list(get_user_model().objects.filter(is_named).values_list("pk", flat=True)[:FOUND_USERS])
        is_of_user = Q(owner__in=users) | Q(actor__in=users)
        is_named_so = Q(target=text) | Q(actor_name=text) | Q(account=text) | Q(request_id=text) | Q(type=text)
        return queryset.filter(is_of_user | is_named_so | _is_from(text)), False


def _is_from(text: str) -> Q:
    try:
        return Q(address=str(ip_address(text)))
    except ValueError:
        return Q()

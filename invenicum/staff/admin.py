from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from invenicum.admin import ReadOnly
from invenicum.audit.admin_changes import ConfirmedActions

from . import second_factor
from .models import Authenticator


@admin.register(Authenticator)
class AuthenticatorAdmin(ConfirmedActions, ReadOnly, admin.ModelAdmin[Authenticator]):
    """Who of the staff has a second factor. It is set up by its user, and removed here for who has lost it."""

    list_display = ("user", "confirmed", "created_at", "last_used_at", "throttling_failure_count")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    fields = readonly_fields = ("user", "confirmed", "created_at", "last_used_at", "throttling_failure_count")
    actions = ("remove",)

    @admin.action(description="Remove the second factor of the selected users", permissions=["act"])
    def remove(self, request: HttpRequest, chosen: QuerySet[Authenticator]) -> None:
        count = sum(second_factor.remove(row.user) for row in list(chosen))
        self.message_user(request, f"{count} removed.", messages.SUCCESS)

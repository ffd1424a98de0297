"""Users, applications, and tokens and codes of applications, in the admin.

A token or a code is shown with its user, scopes and expiry, never with its value.
"""

from django.contrib import admin, messages
from django.contrib.auth import admin as auth
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from oauth2_provider import admin as toolkit  # noqa: F401 - registers what is replaced here
from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken

from invenicum.admin import DeletesWhatBelongsToIt, ReadOnly, list_link
from invenicum.audit.admin_changes import Audited, ConfirmedActions
from invenicum.audit.services import Action

from . import services, tokens
from .application_admin import ApplicationAdmin
from .models import Application, SignInAttempts, User
from .usage import NearQuotaFilter, describe

SEARCH_FIELDS = ("user__username", "user__email", "application__name", "application__client_id")

# There are no ID tokens: this server has no OpenID Connect.
for model in (AccessToken, Application, Grant, Group, IDToken, RefreshToken):
    admin.site.unregister(model)
admin.site.register(Application, ApplicationAdmin)


@admin.register(Group)
class GroupAdmin(Audited, auth.GroupAdmin):
    pass


@admin.register(User)
class UserAdmin(Audited, DeletesWhatBelongsToIt, auth.UserAdmin[User]):
    list_display = ("username", "public_id", "email", "is_staff", "is_active", "last_login")
    search_fields = ("username", "email", "account_id")
    filter_horizontal = ()  # a widget that needs scripts
    list_filter = (NearQuotaFilter, *auth.UserAdmin.list_filter)
    readonly_fields = ("public_id", "usage", "see_also")
    fieldsets = (("Account", {"fields": ("public_id", "usage", "see_also")}), *(auth.UserAdmin.fieldsets or ()))

    @admin.display(description="account", ordering="account_id")
    def public_id(self, user: User) -> str:
        return user.public_id

    @admin.display(description="usage")
    def usage(self, user: User) -> str:
        return describe(user)

    @admin.display(description="see also")
    def see_also(self, user: User) -> str:
        """Links to what belongs to a user, and to what an operator can do with it."""
        links = [
            list_link("integrations_integration", "Integrations", owner__id__exact=user.pk),
            list_link("webhooks_delivery", "Deliveries", owner__id__exact=user.pk),
            list_link("audit_auditentry", "Audit", owner__id__exact=user.pk),
            *(
                format_html('<a href="{}?id={}">{}…</a>', reverse("admin:action", args=[action]), user.pk, words)
                for action, words in (("revoke-tokens", "Revoke tokens"), ("revoke-user", "Revoke everything"))
            ),
        ]
        return format_html_join(" · ", "{}", ((link,) for link in links))

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        services.remove(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            services.remove(user)


class LockedFilter(admin.SimpleListFilter):
    title, parameter_name = "lock", "lock"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("now", "locked now")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SignInAttempts]) -> QuerySet[SignInAttempts]:
        return queryset.filter(locked_until__gt=timezone.now()) if self.value() else queryset


@admin.register(SignInAttempts)
class SignInAttemptsAdmin(ConfirmedActions, ReadOnly, admin.ModelAdmin[SignInAttempts]):
    """Who failed to sign in, from where, and what is locked."""

    list_display = ["__str__", "kind", "failures", "since", "locked_until", "succeeded_at"]
    list_filter = [LockedFilter, "kind"]
    search_fields = ["account", "=address"]
    show_full_result_count = False
    ordering = ["-failures"]
    actions = ["clear"]

    @admin.action(description="Forget the failures, and end the lock", permissions=["act"])
    def clear(self, request: HttpRequest, chosen: QuerySet[SignInAttempts]) -> None:
        count = chosen.update(failures=0, locked_until=None)
        self.message_user(request, f"{count} cleared.", messages.SUCCESS)


@admin.register(AccessToken)
class AccessTokenAdmin(ConfirmedActions, ReadOnly, admin.ModelAdmin[AccessToken]):
    list_display = ["__str__", "user", "application", "scope", "created", "expires"]
    list_filter = ["expires"]
    fields = readonly_fields = ("user", "application", "scope", "created", "expires")
    list_select_related = ("user", "application")
    search_fields = SEARCH_FIELDS
    show_full_result_count = False
    actions = ["revoke"]

    @admin.action(description="Revoke the selected tokens", permissions=["act"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[AccessToken]) -> None:
        """Also revokes the refresh token of each, which could be used to get a new access token."""
        rows = list(chosen)
        for row in rows:
            tokens.revoke(row)
        self.message_user(request, f"{len(rows)} revoked.", messages.SUCCESS)


@admin.register(RefreshToken)
class RefreshTokenAdmin(ConfirmedActions, ReadOnly, admin.ModelAdmin[RefreshToken]):
    list_display = ["__str__", "user", "application", "created", "revoked"]
    list_filter = ["revoked"]
    fields = readonly_fields = ("user", "application", "created", "revoked")
    list_select_related = ("user", "application")
    search_fields = SEARCH_FIELDS
    show_full_result_count = False
    actions = ["revoke"]

    @admin.action(description="Revoke the selected tokens", permissions=["act"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[RefreshToken]) -> None:
        rows = list(chosen.filter(revoked=None))
        for row in rows:
            tokens.note(Action.TOKEN_REVOKED, row)
            row.revoke()
        self.message_user(request, f"{len(rows)} revoked.", messages.SUCCESS)


@admin.register(Grant)
class GrantAdmin(ReadOnly, admin.ModelAdmin[Grant]):
    """Authorization codes that were not redeemed yet."""

    list_display = ["__str__", "user", "application", "scope", "created", "expires"]
    fields = readonly_fields = ("user", "application", "scope", "redirect_uri", "created", "expires")
    list_select_related = ("user", "application")
    search_fields = SEARCH_FIELDS
    show_full_result_count = False

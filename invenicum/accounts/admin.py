"""Users, applications, and tokens and codes of applications, in the admin.

A token or a code is shown with its user, scopes and expiry, never with its value.
"""

from django.contrib import admin, messages
from django.contrib.auth import admin as auth
from django.db.models import QuerySet
from django.http import HttpRequest
from oauth2_provider import admin as toolkit  # noqa: F401 - registers what is replaced here
from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken, revoke_access_token

from invenicum.admin import DeletesWhatBelongsToIt, ReadOnly

from . import services
from .application_admin import ApplicationAdmin
from .models import Application, User

SEARCH_FIELDS = ("user__username", "user__email", "application__name", "application__client_id")

# There are no ID tokens: this server has no OpenID Connect.
for model in (AccessToken, Application, Grant, IDToken, RefreshToken):
    admin.site.unregister(model)
admin.site.register(Application, ApplicationAdmin)


@admin.register(User)
class UserAdmin(DeletesWhatBelongsToIt, auth.UserAdmin[User]):
    list_display = ("username", "public_id", "email", "is_staff", "is_active", "last_login")
    search_fields = ("username", "email", "account_id")
    readonly_fields = ("public_id",)
    fieldsets = (("Account", {"fields": ("public_id",)}), *(auth.UserAdmin.fieldsets or ()))

    @admin.display(description="account", ordering="account_id")
    def public_id(self, user: User) -> str:
        return user.public_id

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        services.remove(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            services.remove(user)


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnly, admin.ModelAdmin[AccessToken]):
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
            self.log_deletions(request, row._meta.model.objects.filter(pk=row.pk))
            revoke_access_token(row)
        self.message_user(request, f"{len(rows)} revoked.", messages.SUCCESS)


@admin.register(RefreshToken)
class RefreshTokenAdmin(ReadOnly, admin.ModelAdmin[RefreshToken]):
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
            self.log_deletions(request, row._meta.model.objects.filter(pk=row.pk))
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

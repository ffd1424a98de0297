"""Users and access tokens in the admin.

Of a token it shows who has it, for what and until when, never the token itself; `manage.py issue_token` makes them.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import admin as auth
from django.db.models import CASCADE, QuerySet
from django.http import HttpRequest
from oauth2_provider import admin as toolkit  # noqa: F401 - registers what is replaced here
from oauth2_provider.models import AccessToken, Application, Grant, IDToken, RefreshToken

from invenicum.accounts.models import User
from invenicum.admin import ReadOnly

from . import services

# This server has no authorization pages of its own, and nothing to administer there.
for model in (AccessToken, Application, Grant, IDToken, RefreshToken):
    admin.site.unregister(model)


@admin.register(User)
class UserAdmin(auth.UserAdmin[User]):
    """Deleting a user removes what is theirs, so it needs no other permission than to delete users.

    Django would ask for the permission to delete each of those rows, which the read-only pages give to no one.
    """

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

    def get_deleted_objects(
        self, objs: QuerySet[User] | Sequence[User], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[Any], list[Any]]:
        """What the confirmation page shows: the users, and how many rows of each kind go with them.

        They are counted and not listed, because a user may have a million deliveries.
        """
        users = list(objs)
        counts = {str(User._meta.verbose_name_plural): len(users)}
        for relation in User._meta.related_objects:
            if relation.on_delete is CASCADE:
                rows = relation.related_model._base_manager.filter(**{f"{relation.field.name}__in": users})
                name = str(relation.related_model._meta.verbose_name_plural)
                counts[name] = counts.get(name, 0) + rows.count()
        shown = {name: count for name, count in counts.items() if count}
        return [f"User: {user}" for user in users], shown, set(), []


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnly, admin.ModelAdmin[AccessToken]):
    list_display = ["user", "scope", "created", "expires"]
    list_filter = ["expires"]
    list_select_related = ["user"]
    search_fields = ["user__username", "user__email"]
    readonly_fields = ["user", "scope", "created", "expires"]
    fields = tuple(readonly_fields)
    show_full_result_count = False
    actions = ["revoke"]

    @admin.action(description="Revoke the selected tokens", permissions=["act"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[AccessToken]) -> None:
        for token in chosen:
            self.log_deletions(request, AccessToken.objects.filter(pk=token.pk))
        count, _ = AccessToken.objects.filter(pk__in=chosen.values("pk")).delete()
        self.message_user(request, f"{count} revoked.", messages.SUCCESS)

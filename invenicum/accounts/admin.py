"""Access tokens in the admin: who has one, for what, until when; never the token. They are made by `issue_token`."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from oauth2_provider import admin as toolkit  # noqa: F401 - registers what is replaced here
from oauth2_provider.models import AccessToken, Application, Grant, IDToken, RefreshToken

from invenicum.admin import ReadOnly

# This server has no authorization pages of its own, and nothing to administer there.
for model in (AccessToken, Application, Grant, IDToken, RefreshToken):
    admin.site.unregister(model)


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

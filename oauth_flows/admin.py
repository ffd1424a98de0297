from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from invenicum.admin import ReadOnly
from invenicum.audit.admin_changes import Audited, ConfirmedActions

from .clients import redirect_uri
from .models import Grant, ProviderApp, Revocation
from .revoke import disconnect

# The fields that decide where a client's secret is sent, and as whose.
SECRET_IS_BOUND_TO = ("type", "client_id", "server")


class ProviderAppForm(forms.ModelForm[ProviderApp]):
    """The secret can be set and is never shown. Blank keeps the one that is stored, unless it would go elsewhere."""

    new_secret = forms.CharField(
        label="Client secret",
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=(
            "Stored encrypted and never shown. Leave it blank to keep the one that is stored; if type, client id or "
            "server change, give it again."
        ),
    )

    class Meta:
        model = ProviderApp
        fields = ["type", "client_id", "server", "secret_expires"]

    def clean(self) -> dict[str, Any] | None:
        """A stored secret is not sent to another provider or server, nor with the id of another client."""
        moved = [name for name in self.changed_data if name in SECRET_IS_BOUND_TO]
        if self.instance.pk is not None and moved and self.cleaned_data.get("new_secret") == "":
            names = " and ".join(str(self.fields[name].label).lower() for name in moved)
            self.add_error("new_secret", f"Give the secret again: {names} changed, and it would be sent there.")
        return super().clean()

    def clean_new_secret(self) -> str:
        secret: str = self.cleaned_data["new_secret"]
        if not secret and self.instance.pk is None:
            raise forms.ValidationError("A client needs its secret.")
        return secret

    def save(self, commit: bool = True) -> ProviderApp:
        if self.cleaned_data["new_secret"]:
            self.instance.client_secret = self.cleaned_data["new_secret"]
        return super().save(commit)


@admin.register(ProviderApp)
class ProviderAppAdmin(Audited, admin.ModelAdmin[ProviderApp]):
    form = ProviderAppForm
    list_display = ["type", "client_id", "server", "secret_expires", "updated_at"]
    fields = ["type", "client_id", "new_secret", "secret_expires", "server", "redirect_uri"]
    readonly_fields = ["redirect_uri"]

    @admin.display(description="redirect URI to register")
    def redirect_uri(self, app: ProviderApp) -> str:
        return redirect_uri(app.type or "<type>")


@admin.register(Grant)
class GrantAdmin(ConfirmedActions, ReadOnly, admin.ModelAdmin[Grant]):
    """Which user has given us access to which account, and until when. No token is read here."""

    list_display = ["type", "owner", "account", "scope", "connected_at", "refreshed_at", "expires_at", "refused_at"]
    list_filter = ["integration__type", "expires_at", "connected_at", ("refused_at", admin.EmptyFieldListFilter)]
    search_fields = ["account", "integration__owner__username", "integration__owner__email"]
    show_full_result_count = False
    actions = ["revoke"]
    readonly_fields = [
        "type",
        "owner",
        "account",
        "scope",
        "client_id",
        "connected_at",
        "refreshed_at",
        "expires_at",
        "refresh_at",
        "failing_since",
        "refused_at",
        "refusal",
        "owner_notified_at",
    ]
    fields = tuple(readonly_fields)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Grant]:
        rows = super().get_queryset(request).select_related("integration__owner")
        return rows.defer("tokens", "integration__secrets")

    @admin.display(ordering="integration__type")
    def type(self, grant: Grant) -> str:
        return grant.integration.type

    @admin.display(ordering="integration__owner")
    def owner(self, grant: Grant) -> str:
        return str(grant.integration.owner)

    @admin.display(description="scopes")
    def scope(self, grant: Grant) -> str:
        return " ".join(grant.scopes)

    @admin.action(description="Revoke at the provider and delete the integration", permissions=["act"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[Grant]) -> None:
        grants = list(chosen)
        for grant in grants:
            disconnect(grant)
        self.message_user(request, f"{len(grants)} revoked.", messages.SUCCESS)


@admin.register(Revocation)
class RevocationAdmin(ConfirmedActions, ReadOnly, admin.ModelAdmin[Revocation]):
    """Tokens that are still to be revoked at their provider."""

    list_display = ["type", "account", "attempt_count", "due_at", "last_error"]
    list_filter = ["type"]
    actions = ["try_now"]
    readonly_fields = ["type", "account", "client_id", "attempt_count", "due_at", "last_error"]
    fields = tuple(readonly_fields)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Revocation]:
        return super().get_queryset(request).defer("tokens")

    @admin.action(description="Try the selected revocations now", permissions=["act"])
    def try_now(self, request: HttpRequest, chosen: QuerySet[Revocation]) -> None:
        count = chosen.update(due_at=timezone.now())
        self.message_user(request, f"{count} will be tried within seconds.", messages.SUCCESS)

"""Applications in the admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import AccessToken, RefreshToken

from invenicum.admin import DeletesWhatBelongsToIt
from invenicum.audit.admin_changes import Audited, ConfirmedActions

from .models import Application
from .scopes import DESCRIPTIONS, SERVICE_SCOPES

NEW_SECRET = "_new_secret"  # the name of its button
WIDE_LABELS = {"class": "radiolist"}  # the admin's style for lists of choices


def _scope_label(scope: str) -> str:
    return f"{scope}: {DESCRIPTIONS[scope]}" + (" (services only)" if scope in SERVICE_SCOPES else "")


class ApplicationForm(forms.ModelForm[Application]):
    name = forms.CharField(max_length=255, help_text="Users see it when they are asked for their consent.")
    kind = forms.ChoiceField(choices=Application.Kind.choices, widget=forms.RadioSelect(attrs=WIDE_LABELS))
    allowed_scopes = forms.MultipleChoiceField(
        choices=[(scope, _scope_label(scope)) for scope in DESCRIPTIONS],
        widget=forms.CheckboxSelectMultiple(attrs=WIDE_LABELS),
        help_text="The scopes that its tokens can have. An app asks its users for each.",
    )

    class Meta:
        model = Application
        fields = ("name", "user", "redirect_uris", "allowed_scopes")
        labels = {"user": "Service account"}
        help_texts = {
            "user": "Needed for a service: it can do what this account can, and what it creates is this account's.",
            "redirect_uris": "For an app, one per line, as it sends them: https, http on 127.0.0.1, or a scheme of its "
            "own such as com.example.app:/signed-in.",
        }
        widgets = {"redirect_uris": forms.Textarea(attrs={"rows": 3, "cols": 80})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["allowed_scopes"] = self.instance.allowed_scopes.split()
        self.initial["kind"] = self.instance.kind
        self.initial["redirect_uris"] = "\n".join(self.instance.redirect_uris.split())

    def clean_kind(self) -> Application.Kind:
        kind = Application.Kind(self.cleaned_data["kind"])
        self.instance.kind = kind  # `Application.clean` validates the other fields by it
        return kind

    def clean_allowed_scopes(self) -> str:
        return " ".join(sorted(self.cleaned_data["allowed_scopes"]))

    def clean_redirect_uris(self) -> str:
        return " ".join(self.cleaned_data["redirect_uris"].split())


class ApplicationAdmin(Audited, ConfirmedActions, DeletesWhatBelongsToIt, admin.ModelAdmin[Application]):
    """A secret is shown once, on the page that answers its creation; only its hash is stored."""

    form = ApplicationForm
    fields = ("name", "kind", "user", "redirect_uris", "allowed_scopes", "client_id", "created")
    readonly_fields = ("client_id", "created")
    autocomplete_fields = ("user",)
    list_display = ("name", "kind_label", "user", "client_id", "created")
    list_filter = ("client_type", "authorization_grant_type")
    list_select_related = ("user",)
    search_fields = ("name", "client_id", "user__username")
    change_form_template = "accounts/application_form.html"
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: Application | None = None) -> Any:
        return self.fields if obj else self.fields[:5]  # saving generates the others

    @admin.display(description="kind")
    def kind_label(self, application: Application) -> str:
        return application.kind.label.partition(":")[0] if application.kind else "unsupported"

    def save_model(self, request: HttpRequest, obj: Application, form: Any, change: bool) -> None:
        """Generates a secret for a new application, and on request; `_secret_page` shows it."""
        if not change or NEW_SECRET in request.POST:
            obj.new_secret = obj.client_secret = generate_client_secret()
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Application, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._secret_page(request, obj) or super().response_add(request, obj, *args, **kwargs)

    def response_change(self, request: HttpRequest, obj: Application) -> HttpResponse:
        return self._secret_page(request, obj) or super().response_change(request, obj)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        if NEW_SECRET in request.POST:
            return "Made a new secret."
        return super().construct_change_message(request, form, formsets, add)

    def _secret_page(self, request: HttpRequest, application: Application) -> HttpResponse | None:
        """The page with the new secret; None if there is none, or if the application needs none."""
        secret = getattr(application, "new_secret", None)
        if secret is None or application.kind is Application.Kind.PUBLIC_APP:
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": f"The secret of {application}",
            "opts": self.opts,
            "application": application,
            "secret": secret,
        }
        return TemplateResponse(request, "accounts/application_secret.html", context)

    @admin.action(description="Revoke all tokens of the selected applications", permissions=["change"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[Application]) -> None:
        for application in chosen:
            self.log_change(request, application, "Revoked all tokens.")
            RefreshToken.objects.filter(application=application).delete()
            AccessToken.objects.filter(application=application).delete()
        self.message_user(request, "Their tokens are revoked.", messages.SUCCESS)

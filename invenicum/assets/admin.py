from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from invenicum.accounts.models import User
from invenicum.audit.admin_changes import Audited

from .actor import acting_as
from .models import Asset


class TagsField(forms.CharField):
    """Tags as people write them: one per line."""

    widget = forms.Textarea(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = (line.strip() for line in (value or "").splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(self.prepare_value(initial)) != self.to_python(data))


class AssetForm(forms.ModelForm):  # type: ignore[type-arg]
    tags = TagsField(required=False, help_text="One per line.")


@admin.register(Asset)
class AssetAdmin(Audited, admin.ModelAdmin[Asset]):
    form = AssetForm
    list_display = ["name", "asset_id", "category", "owner", "updated_at"]
    list_select_related = ["owner"]
    list_filter = ["category"]
    search_fields = ["asset_id", "name", "owner__username"]
    autocomplete_fields = ["owner"]
    readonly_fields = ["created_by", "created_at", "updated_at"]
    show_full_result_count = False

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        with _acting(request):
            return super().changeform_view(request, *args, **options)

    def changelist_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        with _acting(request):
            return super().changelist_view(request, *args, **options)

    def delete_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        with _acting(request):
            return super().delete_view(request, *args, **options)


@contextmanager
def _acting(request: HttpRequest) -> Iterator[None]:
    assert isinstance(request.user, User)
    with acting_as(request.user):
        yield

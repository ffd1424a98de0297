from django.contrib import admin

from invenicum.admin import ReadOnly

from .models import Alert


@admin.register(Alert)
class AlertAdmin(ReadOnly, admin.ModelAdmin[Alert]):
    list_display = ["rule", "subject", "sentence", "since", "ended_at"]
    list_filter = ["rule", ("ended_at", admin.EmptyFieldListFilter)]
    readonly_fields = ["rule", "subject", "sentence", "advice", "since", "found_at", "ended_at"]
    fields = tuple(readonly_fields)

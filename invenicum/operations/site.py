"""The console: Django's admin site as the operators' pages. Each model's admin stays in its app."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invenicum.staff.admin_site import StaffSite

from . import overview
from .action_page import act
from .models import Alert
from .overview_plots import span_of


@dataclass(frozen=True, slots=True)
class ConsoleLink:
    """A link of the console's navigation; `is_current`: its page is shown."""

    address: str
    words: str | Promise
    is_current: bool


FAILING = "error_class=any"  # of the list of deliveries
# The view below the admin, its query, what the link says, and the permission without which it is not there.
NAVIGATION = (
    ("index", "", _("Overview"), ""),
    ("webhooks_delivery_changelist", FAILING, _("Failures"), "webhooks.view_delivery"),
    ("integrations_integration_changelist", "", _("Integrations"), "integrations.view_integration"),
    ("webhooks_delivery_changelist", "", _("Deliveries"), "webhooks.view_delivery"),
    ("audit_auditentry_changelist", "", _("Audit"), "audit.view_auditentry"),
    ("records", "", _("Records"), ""),
)


class ConsoleSite(StaffSite):
    """The admin site at `/admin/`. Without scripts everything works; the policy of `invenicum.content_policy` holds."""

    site_header = _("Integrations console")
    site_title = _("Integrations console")
    index_title = _("Records")
    site_url = None
    enable_nav_sidebar = False

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [
            path("records/", self.admin_view(self.records), name="records"),
            path("actions/<name>/", self.admin_view(act), name="action"),
            *super().get_urls(),
        ]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {
            **super().each_context(request),
            "console_links": list(self._links(request)),
            "open_alerts": _open_alerts(request),
        }

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The overview; for staff who may not view samples, what they may view."""
        page = {**self.each_context(request), "title": _("Overview"), **(extra_context or {})}
        if not request.user.has_perm("operations.view_sample"):
            page["app_list"] = self.get_app_list(request)
            return TemplateResponse(request, "operations/records.html", page)
        span = span_of(request.GET.get("span", ""))
        return TemplateResponse(request, "operations/overview.html", {**page, **overview.context(span)})

    def records(self, request: HttpRequest) -> HttpResponse:
        """All models that the user may see, as Django's own start page lists them."""
        return TemplateResponse(
            request,
            "operations/records.html",
            {**self.each_context(request), "title": _("Records"), "app_list": self.get_app_list(request)},
        )

    def _links(self, request: HttpRequest) -> Iterator[ConsoleLink]:
        start, is_failing = reverse(f"{self.name}:index"), FAILING in request.META.get("QUERY_STRING", "")
        for name, query, words, permission in NAVIGATION:
            if permission and not request.user.has_perm(permission):
                continue
            path = reverse(f"{self.name}:{name}")
            is_within = request.path == path if path == start else request.path.startswith(path)
            is_current = is_within and (not name.startswith("webhooks_delivery") or is_failing == bool(query))
            yield ConsoleLink(f"{path}?{query}" if query else path, words, is_current)


def _open_alerts(request: HttpRequest) -> list[Alert]:
    """What is wrong with the service, for the banners above each page."""
    return list(Alert.objects.open()) if request.user.has_perm("operations.view_alert") else []

"""The console: Django's admin site as the operators' pages. Each model's admin stays in its app."""

from __future__ import annotations

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


# The view below the admin, what the link says, and the permission without which it is not there.
NAVIGATION = (
    ("integrations_integration_changelist", _("Integrations"), "integrations.view_integration"),
    ("webhooks_delivery_changelist", _("Deliveries"), "webhooks.view_delivery"),
    ("audit_auditentry_changelist", _("Audit"), "audit.view_auditentry"),
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

    def _links(self, request: HttpRequest) -> list[ConsoleLink]:
        shown = [("index", _("Overview"))]
        shown += [(name, words) for name, words, permission in NAVIGATION if request.user.has_perm(permission)]
        shown.append(("records", _("Records")))
        addresses = [(reverse(f"{self.name}:{name}"), words) for name, words in shown]
        return [ConsoleLink(address, words, self._is_current(request, address)) for address, words in addresses]

    def _is_current(self, request: HttpRequest, address: str) -> bool:
        is_start = address == reverse(f"{self.name}:index")
        return request.path == address if is_start else request.path.startswith(address)


def _open_alerts(request: HttpRequest) -> list[Alert]:
    """What is wrong with the service, for the banners above each page."""
    return list(Alert.objects.open()) if request.user.has_perm("operations.view_alert") else []

"""Pages of one user in the console: the sessions, and seeing the portal as the user does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from invenicum.accounts import browser_sessions
from invenicum.accounts.models import User

from . import support_views

VIEW_USERS, CHANGE_USERS = "accounts.view_user", "accounts.change_user"


@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Lists the sessions of a user. POST ends one (`session`: its id), or all (`session` is empty)."""
    user = _user(request, pk, CHANGE_USERS if request.method == "POST" else VIEW_USERS)
    current = browser_sessions.session_id(request.session.session_key or "")
    if request.method != "POST":
        context = {
            "title": _("Sessions of %(name)s") % {"name": user.get_username()},
            "sessions": browser_sessions.open_sessions(user, current),
            "may_end": request.user.has_perm(CHANGE_USERS),
        }
        return _page(request, user, "sessions", context)
    chosen = request.POST.get("session", "")
    count = int(browser_sessions.end(user, chosen)) if chosen else browser_sessions.end_all(user, but=current)
    text = ngettext("%(count)d session was ended.", "%(count)d sessions were ended.", count) % {"count": count}
    messages.success(request, text)
    return redirect("admin:user-sessions", pk)


@require_http_methods(["GET", "HEAD"])
def see_as(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Asks for the reason to see the portal as a user; the form goes to `invenicum.portal.support`."""
    user = _user(request, pk, support_views.PERMISSION)
    context = {
        "title": _("See the portal as %(name)s") % {"name": user.get_username()},
        "max_length": support_views.MAX_REASON_LENGTH,
    }
    return _page(request, user, "see_as", context)


def urls(site: AdminSite) -> list[URLPattern]:
    """The routes, for the admin site."""

    def page(view: Callable[..., HttpResponseBase]) -> Any:
        return site.admin_view(view)

    return [
        path("accounts/user/<int:pk>/sessions/", page(sessions), name="user-sessions"),
        path("accounts/user/<int:pk>/see-as/", page(see_as), name="see-as"),
    ]


def _user(request: HttpRequest, pk: int, permission: str) -> User:
    if not request.user.has_perm(permission):
        raise PermissionDenied
    return get_object_or_404(User, pk=pk)


def _page(request: HttpRequest, user: User, template: str, context: dict[str, Any]) -> HttpResponse:
    shared = {**admin.site.each_context(request), "person": user}
    return TemplateResponse(request, f"staff/{template}.html", {**shared, **context})

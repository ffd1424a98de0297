"""The pages of the second factor, below `/admin/second-factor/`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from invenicum.accounts.models import User

from . import second_factor

View = Callable[[HttpRequest, User], HttpResponseBase]


def _of_staff(view: View) -> Callable[[HttpRequest], HttpResponseBase]:
    """Decorates a page that staff see who have signed in with their password, whether or not they gave a code."""

    @wraps(view)
    @never_cache
    def wrapped(request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if not (isinstance(user, User) and user.is_active and user.is_staff):
            return redirect(f"{reverse('admin:login')}?{urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})}")
        return view(request, user)

    return wrapped


@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
@_of_staff
def ask(request: HttpRequest, user: User) -> HttpResponseBase:
    """Asks for a code after the password. Who has none yet is led to set an app up."""
    if second_factor.passed(request):
        return redirect(_next(request))
    if not second_factor.has_factor(user):
        return redirect(f"{reverse('admin:second-factor-set-up')}?{urlencode({REDIRECT_FIELD_NAME: _next(request)})}")
    error = ""
    if request.method == "POST":
        if seconds := second_factor.seconds_to_wait(user):
            error = _wait(seconds)
        elif second_factor.check(request, user, request.POST.get("code", "")):
            return redirect(_next(request))
        else:
            error = _("The code is not right. Each code works once: wait for the next one.")
    context = {"title": _("Enter a code"), "error": error, "next": _next(request)}
    return _page(request, "code", context, status=422 if error else 200)


@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
@_of_staff
def set_up(request: HttpRequest, user: User) -> HttpResponseBase:
    """Sets an app up: its key as a picture, and its first code."""
    if second_factor.has_factor(user) and not second_factor.passed(request):
        return redirect("admin:second-factor")
    error = ""
    if request.method == "POST":
        codes = second_factor.confirm(request, user, request.POST.get("code", ""))
        if codes:
            return _codes_page(request, codes)
        error = _("The code is not right. Is the clock of your phone right?")
    enrolment = second_factor.begin(user)
    context = {
        "title": _("Set up a second factor"),
        "error": error,
        "key": enrolment.key,
        "picture": mark_safe(enrolment.picture),  # noqa: S308 - made by segno from our own text
        "next": _next(request),
        "replaces": second_factor.has_factor(user),
        "is_required": not second_factor.passed(request),
    }
    return _page(request, "set_up", context, status=422 if error else 200)


@require_http_methods(["GET", "HEAD"])
@_of_staff
def manage(request: HttpRequest, user: User) -> HttpResponseBase:
    """Says whether the user has a second factor, and what can be done with it."""
    if not second_factor.passed(request):
        return redirect("admin:second-factor")
    left = second_factor.codes_left(user)
    context = {
        "title": _("Second factor"),
        "has_factor": second_factor.has_factor(user),
        "is_required": second_factor.is_asked_for_all(),
        "codes_left": ngettext("%(count)d recovery code is left.", "%(count)d recovery codes are left.", left)
        % {"count": left},
    }
    return _page(request, "second_factor", context)


@require_POST
@_of_staff
def renew(request: HttpRequest, user: User) -> HttpResponseBase:
    """New recovery codes, shown once."""
    if not (second_factor.has_factor(user) and second_factor.passed(request)):
        return redirect("admin:second-factor")
    return _codes_page(request, second_factor.renew_codes(user))


@require_POST
@_of_staff
def remove(request: HttpRequest, user: User) -> HttpResponseBase:
    """Takes the user's own second factor away."""
    if second_factor.passed(request):
        second_factor.remove(user)
    return redirect("admin:second-factor-manage")


def urls() -> list[URLPattern]:
    """The routes, for the admin site."""
    return [
        path("second-factor/", ask, name="second-factor"),
        path("second-factor/set-up/", set_up, name="second-factor-set-up"),
        path("second-factor/manage/", manage, name="second-factor-manage"),
        path("second-factor/codes/", renew, name="second-factor-codes"),
        path("second-factor/remove/", remove, name="second-factor-remove"),
    ]


def _codes_page(request: HttpRequest, codes: list[str]) -> HttpResponse:
    context = {"title": _("Keep these recovery codes"), "codes": codes, "next": _next(request)}
    return _page(request, "codes", context)


def _page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    shared = {**admin.site.each_context(request), "has_permission": second_factor.passed(request)}
    return TemplateResponse(request, f"staff/{template}.html", {**shared, **context}, status=status)


def _next(request: HttpRequest) -> str:
    """Where the user wanted to go: an address of the admin."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    start = reverse("admin:index")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours and wanted.startswith(start) else start


def _wait(seconds: int) -> str:
    text = ngettext("Try again in %(count)d second.", "Try again in %(count)d seconds.", seconds) % {"count": seconds}
    return _("After a wrong code none is accepted for a time.") + " " + text

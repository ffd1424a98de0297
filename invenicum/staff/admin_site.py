"""The admin site as far as signing in is concerned: the second factor is asked for after the password."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from invenicum.accounts.sign_in_limits import limited_sign_in

from . import pages, second_factor, user_pages


class StaffSite(AdminSite):
    """An admin site whose pages open for staff who have passed the second factor, if they need one."""

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [*pages.urls(), *user_pages.urls(self), *super().get_urls()]

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and second_factor.passed(request)

    @method_decorator(never_cache)
    @method_decorator(limited_sign_in)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The page for name and password; who has given them is led to the second factor."""
        if super().has_permission(request) and not second_factor.passed(request):
            wanted = request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index")
            return redirect(f"{reverse('admin:second-factor')}?{urlencode({REDIRECT_FIELD_NAME: wanted})}")
        return super().login(request, extra_context)

"""The portal as a member of staff sees it who helps a user: see `invenicum.staff.support_views`."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from invenicum.accounts.browser_sessions import browser_of
from invenicum.accounts.models import User
from invenicum.staff import second_factor, support_views

from .cookies import drop_key, keep_key, read_key
from .pages import SeeOther
from .visitors import Visitor


@require_POST
def open_view(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Opens the portal as the user, for a form of the console with a `reason`."""
    staff = request.user
    if not isinstance(staff, User) or not support_views.may_open(staff) or not second_factor.passed(request):
        raise PermissionDenied
    owner = User.objects.filter(pk=pk, is_active=True).first()
    if owner is None:
        raise Http404
    reason = request.POST.get("reason", "").strip()
    if not reason:
        return redirect("admin:see-as", pk)
    key = support_views.open_view(staff, owner, reason, browser_of(request))
    response = SeeOther(reverse("portal-services"))
    keep_key(response, key, embed=False)
    return response


def end_view(request: HttpRequest, visitor: Visitor, supporter: User) -> HttpResponseBase:
    """Ends the view, and leads back to the user in the console."""
    support_views.end_view(read_key(request), supporter, visitor.user)
    response = SeeOther(reverse("admin:accounts_user_change", args=[visitor.user.pk]))
    drop_key(response, embed=False)
    return response

"""The page of an action: what it would do, counted, and the button that does it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext

from invenicum.audit.services import Action as Audited
from invenicum.audit.services import record

from .actions import ACTIONS
from .console_action import ConsoleAction, Done, NotThere


def act(request: HttpRequest, name: str) -> HttpResponse:
    """Shows what the action `name` would do with the query (GET), or does it (POST), and leads back to where it began.

    403 without its permission, 404 for what is not there.
    """
    kind = ACTIONS.get(name)
    if kind is None:
        raise Http404
    if not request.user.has_perm(kind.permission):
        raise PermissionDenied
    back = _back(request)
    try:
        action = kind(request.GET.dict(), request.user)  # type: ignore[arg-type]  # staff only
        if request.method != "POST":
            return _page(request, action, back)
        done = action.run()
    except NotThere:
        messages.warning(request, gettext("There is nothing to do: what it was about has ended, or does not exist."))
        return HttpResponseRedirect(back)
    except OSError as error:  # of the mail server
        messages.error(request, gettext("That did not work: %(error)s") % {"error": error})
        return HttpResponseRedirect(back)
    _note(action, done)
    messages.success(request, done.sentence)
    return HttpResponseRedirect(back)


def _page(request: HttpRequest, action: ConsoleAction, back: str) -> HttpResponse:
    from django.contrib import admin  # the site is being made when this module is imported

    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": action.title,
        "action": action,
        "effect": action.effect(),
        "back": back,
    }
    return TemplateResponse(request, "operations/action.html", context)


def _note(action: ConsoleAction, done: Done) -> None:
    record(Audited.STAFF_ACTION, owner=done.owner, type=done.type, detail=f"{action.title}: {done.sentence}")


def _back(request: HttpRequest) -> str:
    """The page that the action was begun on; of this console only."""
    wanted = request.GET.get("back", "")
    start = reverse("admin:index")
    is_ours = wanted.startswith(start) and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if is_ours else start

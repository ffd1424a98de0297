"""Verifying webhooks: what is wrong with a request that was pasted, and code that verifies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations.core.signature_faults import INVENICUM, STANDARD, Fault, Finding, is_valid

from . import inboxes
from .fault_texts import said_of
from .kept_secrets import seal, unseal
from .pages import portal_page, render
from .pasted_headers import read_headers
from .visitors import Visitor

WRITE = "integrations:write"
MAX_PASTED_CHARACTERS = 256 * 1024
SNIPPETS = Path(__file__).parent / "snippets"
# By the ending of their files.
LANGUAGES = {"py": "Python", "js": "Node.js", "go": "Go", "php": "PHP", "rb": "Ruby", "java": "Java"}


@portal_page(post=WRITE)
def show(request: HttpRequest, visitor: Visitor) -> HttpResponseBase:
    """A form that says what is wrong with a pasted request; `?in=` chooses the language of the code below it."""
    language = request.GET.get("in", "")
    language = language if language in LANGUAGES else next(iter(LANGUAGES))
    context: dict[str, Any] = {
        "title": _("Verify"),
        "languages": [(ending, name, ending == language) for ending, name in LANGUAGES.items()],
        "snippet": (SNIPPETS / f"verify.{language}").read_text(),
        "file": f"verify.{language}",
        "against": [(STANDARD, STANDARD), (INVENICUM, "X-Invenicum-Signature")],
    }
    if request.method == "POST":
        context |= _checked(request, visitor)
    return render(request, visitor, "verify", context)


def _checked(request: HttpRequest, visitor: Visitor) -> dict[str, Any]:
    purpose = f"{visitor.form_token}:verify"
    typed = {
        name: request.POST.get(name, "")[:MAX_PASTED_CHARACTERS] for name in ("body", "headers", "computed", "with")
    }
    # A form sends line breaks as CR LF, whatever was pasted (https://html.spec.whatwg.org/#constructing-the-form-data-set).
    body = typed["body"].replace("\r\n", "\n")
    used = request.POST.get("secret", "") or unseal(request.POST.get("kept", ""), purpose).get("secret", "")
    context = {"typed": {**typed, "body": body}, "kept": seal({"secret": used} if used else {}, purpose)}
    headers = read_headers(typed["headers"])
    if not headers:
        return {**context, "problem": _("Paste the headers of the request, a line for each: Name: value.")}
    found = inboxes.judge(
        visitor.user, headers, body.encode(), used=used, computed=typed["computed"], against=typed["with"]
    )
    return {**context, "said": said_of(found), "verdict": verdict(found)}


def verdict(found: list[Finding]) -> tuple[str, str | Promise]:
    """The tone and the words of a request's chip."""
    if not found:
        return "rest", _("nothing to verify with")
    if is_valid(found):
        return "good", _("valid")
    if {one.fault for one in found} <= {Fault.VALID, Fault.VALID_COMPUTED, Fault.PREVIOUS_SECRET, Fault.TIMESTAMP_OLD}:
        return "warn", _("valid, and old")
    return "bad", _("not valid")

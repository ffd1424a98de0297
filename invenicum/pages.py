"""Pages for people, in one style (templates/page.html). They load the colors (look/tokens.css), and run only code
of their own."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from rest_framework.request import Request

from invenicum.content_policy import HEADER, page_policy


def wants_page(request: HttpRequest | Request) -> bool:
    """Whether the request is from a browser, not a program."""
    return "text/html" in request.headers.get("Accept", "")


def render_page(
    template: str,
    context: Mapping[str, Any],
    request: HttpRequest | None = None,
    *,
    status: int = 200,
    form_targets: Iterable[str] | None = ("'none'",),
) -> HttpResponse:
    """The page of a template that extends `page.html`, with its Content-Security-Policy.

    context: needs `title`. request: for a page with a form of ours, which needs its token against forged requests.
    form_targets: sources to which forms of the page may be sent, and to which the answer may redirect, for example
    `["'self'", "https://app.example.com"]`; None for any, if the answer may redirect to any address.
    """
    nonce = secrets.token_urlsafe(16)
    content = render_to_string(template, {**context, "nonce": nonce}, request)
    form_policy = () if form_targets is None else (f"form-action {' '.join(form_targets)}",)
    policy = page_policy(nonce, *form_policy)
    return HttpResponse(content, status=status, headers={HEADER: policy, "Cache-Control": "no-store"})


def error_page(status: int, title: str, message: str) -> HttpResponse:
    """The error page for browsers."""
    return render_page("error.html", {"title": title, "message": message}, status=status)

"""What an answer may load and run in a browser (Content-Security-Policy, https://www.w3.org/TR/CSP3/). Pure but for the
middleware."""

import re
from collections.abc import Callable, Iterable

from django.http import HttpRequest, HttpResponseBase

HEADER = "Content-Security-Policy"

# Of every answer that does not say otherwise: nothing is loaded or run, no form is sent, no page may frame it.
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
ADMIN_PREFIX = "/admin/"
# Django's admin has no script and no style in its pages.
ADMIN = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

# An origin that may frame the portal: https, or http of this machine. No other text gets into the policy's header.
_FRAME_ORIGIN = re.compile(r"https://[A-Za-z0-9.-]+(?::\d{1,5})?|http://(?:localhost|127\.0\.0\.1)(?::\d{1,5})?")

Answer = Callable[[HttpRequest], HttpResponseBase]


def add_policy(get_response: Answer) -> Answer:
    """Middleware: gives each answer a policy. One that a view has set stays (`invenicum.pages`, the page at /docs)."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        is_admin = request.path_info.startswith(ADMIN_PREFIX)
        response.headers.setdefault(HEADER, ADMIN if is_admin else NOTHING)
        return response

    return middleware


def page_policy(nonce: str, *more: str) -> str:
    """The policy of a page whose own `<style>` and `<script>` carry `nonce`. `more`: further directives."""
    directives = (
        "default-src 'none'",
        f"style-src 'nonce-{nonce}'",
        f"script-src 'nonce-{nonce}'",
        "img-src data:",
        "base-uri 'none'",
        *more,
        "frame-ancestors 'none'",
    )
    return "; ".join(directives)


def portal_policy(frame_origins: Iterable[str] = ()) -> str:
    """The policy of the portal's pages, which load and run this service's own files only.

    frame_origins: the origins whose pages may frame it, e.g. `["https://app.example.com"]`.
    """
    framing = " ".join(filter(is_frame_origin, frame_origins)) or "'none'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors {framing}"
    )


def is_frame_origin(origin: str) -> bool:
    """Whether `origin` can be given leave to frame pages: `https://app.example.com`, or of this machine."""
    return _FRAME_ORIGIN.fullmatch(origin) is not None

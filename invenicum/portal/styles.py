"""The stylesheet of a visitor's own accent. The policy of the pages allows no styles in the page itself."""

from django.http import HttpRequest, HttpResponse

from .accents import accent_styles
from .visitors import SessionEnded, visitor_of


def accent(request: HttpRequest) -> HttpResponse:
    """Empty for a visitor without an accent."""
    try:
        visitor = visitor_of(request)
    except SessionEnded:
        visitor = None
    text = accent_styles(visitor.accent) if visitor and visitor.accent else ""
    return HttpResponse(text, content_type="text/css", headers={"Cache-Control": "no-store"})

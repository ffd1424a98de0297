"""The page at /docs: Swagger UI, from this server, with the description of the API."""

import secrets
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from invenicum.content_policy import HEADER


class DocsView(SpectacularSwaggerSplitView):
    """The page, and with `?script` its script: no script is in the page, so that none that is injected runs."""

    schema = None  # not part of the API
    template_name = "docs.html"

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        nonce = secrets.token_urlsafe(16)
        response.data["nonce"] = nonce
        response[HEADER] = _policy(nonce)
        return response


def _policy(nonce: str) -> str:
    api = urlsplit(settings.PUBLIC_URL)
    # Its buttons send requests to PUBLIC_URL, which may differ from the address of the page.
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
        f"font-src 'self'; connect-src 'self' {api.scheme}://{api.netloc}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )

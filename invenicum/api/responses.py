from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response


def answer(data: Any, status: int = 200) -> Response:
    """A success: one thing, or a list without pages, under `data`."""
    return Response({"data": data}, status)


class NeverCached:
    """Mixin of views whose answers may hold secrets: no cache may keep them."""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response.headers.setdefault("Cache-Control", "no-store")
        return super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]


class AlwaysJSON(DefaultContentNegotiation):
    """Answers in the view's own format whatever `Accept` says, so that every error can be answered."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)

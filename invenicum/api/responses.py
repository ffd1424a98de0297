from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response


def answer(data: Any, status: int = 200) -> Response:
    """A success: one thing, or a list without pages, under `data`."""
    return Response({"data": data}, status)


class AlwaysJSON(DefaultContentNegotiation):
    """Answers in the view's own format whatever `Accept` says, so that every error can be answered."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)

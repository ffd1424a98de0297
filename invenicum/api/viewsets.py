"""The base of every viewset: reading, answering, and turning exceptions into errors."""

from typing import Any

from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from .errors import ApiError
from .pagination import CursorPagination
from .serializers import shared


class ApiViewSet(GenericViewSet[Any]):
    """A viewset checks who asks, calls one service, and answers.

    `required_scopes` is the scope that a token needs: one for all methods, or one for each, as
    `{"GET": "assets:read", "POST": "assets:write"}`; an action may name its own.
    """

    required_scopes: str | dict[str, str]
    serializer_class: Any
    pagination_class: Any = CursorPagination

    def read(self, data: Any, serializer: Any = None) -> dict[str, Any]:
        """`data`, as the viewset's serializer or the given one reads it: by attribute name.

        Raises a ValidationError, which becomes 400 with `details` by JSON name.
        """
        values: dict[str, Any] = shared(serializer or self.serializer_class).run_validation(data)
        return values

    def write(self, instance: Any, serializer: Any = None, *, many: bool = False) -> Any:
        """`instance`, or each of its items, as the viewset's serializer or the given one writes it."""
        writer = shared(serializer or self.serializer_class)
        if many:
            return [writer.to_representation(item) for item in instance]
        return writer.to_representation(instance)

    def answer(self, instance: Any, serializer: Any = None, status: int = 200) -> Response:
        """`{"data": …}` with `instance` as the viewset's serializer or the given one writes it."""
        return Response({"data": self.write(instance, serializer)}, status)

    def page(self, rows: Any) -> Response:
        """The page of `rows`, a queryset, that the query asks for: `{"data": […], "next", "previous"}`."""
        return self.get_paginated_response(self.write(self.paginate_queryset(rows), many=True))

    def api_error(self, error: Exception) -> ApiError | None:
        """What an exception of a service says to the caller; None if it is not one that this viewset knows."""
        return None

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(self.api_error(exc) or exc)

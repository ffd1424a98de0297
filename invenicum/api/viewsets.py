"""The base of every viewset: routes without surprises, one kind of answer, one kind of error."""

from typing import Any

from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from .errors import ApiError
from .pagination import CursorPagination


class ApiViewSet(GenericViewSet[Any]):
    """A viewset checks who asks, calls one service, and answers.

    `required_scopes` is the scope that a token needs: one for all methods, or one for each, as
    `{"GET": "assets:read", "POST": "assets:write"}`; an action may name its own.
    """

    required_scopes: str | dict[str, str]
    pagination_class = CursorPagination

    def read(self, data: Any, serializer: type[Any] | None = None) -> dict[str, Any]:
        """`data`, as the viewset's serializer or the given one reads it: by attribute name.

        Raises a ValidationError, which becomes 400 with `details` by JSON name.
        """
        reader = (serializer or self.get_serializer_class())(data=data, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        values: dict[str, Any] = reader.validated_data
        return values

    def answer(self, instance: Any, serializer: type[Any] | None = None, status: int = 200) -> Response:
        """`{"data": …}` with `instance` as the viewset's serializer or the given one writes it."""
        writer = (serializer or self.get_serializer_class())(instance, context=self.get_serializer_context())
        return Response({"data": writer.data}, status)

    def page(self, rows: Any) -> Response:
        """The page of `rows`, a queryset, that the query asks for: `{"data": […], "next", "previous"}`."""
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def api_error(self, error: Exception) -> ApiError | None:
        """What an exception of a service says to the caller; None if it is not one that this viewset knows."""
        return None

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(self.api_error(exc) or exc)

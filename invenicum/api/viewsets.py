"""The base of every viewset: reading, answering, and turning exceptions into errors."""

from typing import Any

from django.db.models import Model
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from invenicum.ids import parse_public_id

from .envelopes import DoneSerializer, done_of
from .errors import ApiError
from .pagination import PAGE_PARAMETER_NAMES, CursorPagination
from .serializers import shared


class ApiViewSet(GenericViewSet[Any]):
    """A viewset checks the caller, calls one service, and answers.

    `required_scopes` is the scope that a token needs: one for all methods, or one for each, as
    `{"GET": "assets:read", "POST": "assets:write"}`; an action may name its own. `never_cached` says whether
    `Cache-Control: no-store` is sent with every answer, errors included; for answers that may hold secrets.
    `body_is_optional` says in the OpenAPI document that a request without a body means the same as `{}`.
    """

    required_scopes: str | dict[str, str]
    serializer_class: Any
    pagination_class: Any = CursorPagination
    never_cached: bool = False
    body_is_optional: bool = False

    def read(self, data: Any, serializer: Any = None) -> dict[str, Any]:
        """`data`, as the viewset's serializer or the given one reads it: by attribute name.

        Raises a ValidationError, which becomes 400 with `details` by JSON name.
        """
        values: dict[str, Any] = shared(serializer or self.serializer_class).run_validation(data)
        return values

    def read_query(self, serializer: Any) -> dict[str, Any]:
        """The filters in the address, as the given serializer reads them: by attribute name.

        Leaves out `cursor` and `limit`, which `page` reads. Raises a ValidationError, as `read` does.
        """
        query = self.request.query_params.items()
        return self.read({name: text for name, text in query if name not in PAGE_PARAMETER_NAMES}, serializer)

    def write(self, instance: Any, serializer: Any = None, *, many: bool = False) -> Any:
        """`instance`, or each of its items, as the viewset's serializer or the given one writes it."""
        writer = shared(serializer or self.serializer_class)
        if many:
            return [writer.to_representation(item) for item in instance]
        return writer.to_representation(instance)

    def answer(self, instance: Any, serializer: Any = None, status: int = 200) -> Response:
        """`{"data": …}` with `instance` as the viewset's serializer or the given one writes it."""
        return Response({"data": self.write(instance, serializer)}, status)

    def done(self, message: str, instance: Any = None, serializer: Any = None) -> Response:
        """`{"success": true, "message"}`, and with a serializer `data`: `instance` as it writes it."""
        body = {"message": message, "data": instance}
        return Response(self.write(body, done_of(serializer) if serializer else DoneSerializer))

    def page(self, rows: Any) -> Response:
        """The page of `rows` that the query asks for, as `pagination_class` makes it."""
        return self.get_paginated_response(self.write(self.paginate_queryset(rows), many=True))

    def api_error(self, error: Exception) -> ApiError | None:
        """What an exception of a service says to the caller; None if it is not one that this viewset knows."""
        return None

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(self.api_error(exc) or exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if self.never_cached:
            response.headers.setdefault("Cache-Control", "no-store")
        return super().finalize_response(request, response, *args, **kwargs)


class PublicIdViewSet(ApiViewSet):
    """A viewset of rows that the address names by a public id, as `dlv_0190…`.

    `public_id_prefix` is what their ids begin with, as `dlv`; `lookup_url_kwarg` the id's name in the address.
    """

    public_id_prefix: str
    lookup_url_kwarg: str

    def get_object(self) -> Any:
        """The row of `get_queryset()` that the address names. Raises Http404 if there is none."""
        key = parse_public_id(self.public_id_prefix, self.kwargs[self.lookup_url_kwarg])
        row: Model | None = self.get_queryset().filter(pk=key).first() if key else None
        if row is None:
            raise Http404
        return row

"""Pages, newest first, by an opaque cursor. Stable while rows come and go; each page costs the same."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from .errors import invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
PAGE_PARAMETER_NAMES = frozenset({"cursor", "limit"})
CURSOR = r"^[np][0-9a-f]{32}$"

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: after the row `id` (`n…`, older ones), or before it (`p…`, newer ones)."""

    is_backward: bool
    id: uuid.UUID

    def encode(self) -> str:
        return ("p" if self.is_backward else "n") + self.id.hex

    @classmethod
    def decode(cls, text: str) -> "Cursor | None":
        """None if `text` is not a cursor."""
        found = re.fullmatch(CURSOR, text)
        return cls(text[0] == "p", uuid.UUID(hex=text[1:])) if found else None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list, and the cursors of the next and the previous page."""

    rows: Sequence[Any]
    next: Cursor | None
    previous: Cursor | None

    def answer(self, request: Request, data: list[Any]) -> Response:
        """The response that shows `data` for the page's rows and links to the next and the previous page."""
        return Response({"data": data, "next": _link(request, self.next), "previous": _link(request, self.previous)})


def paginate(request: Request, rows: "QuerySet[Row]") -> Page:
    """The page of `rows` (whose primary key is a UUIDv7) that the query's `cursor` and `limit` ask for."""
    limit, cursor = read_limit(request), _read_cursor(request)
    if cursor is None:
        found = list(rows.order_by("-pk")[: limit + 1])
    elif cursor.is_backward:
        found = list(rows.filter(pk__gt=cursor.id).order_by("pk")[: limit + 1])
    else:
        found = list(rows.filter(pk__lt=cursor.id).order_by("-pk")[: limit + 1])
    has_more, page = len(found) > limit, found[:limit]
    if not page:
        return Page(page, None, None)
    if cursor is not None and cursor.is_backward:
        page.reverse()
        has_newer, has_older = has_more, rows.filter(pk__lt=page[-1].pk).exists()
    else:
        has_newer, has_older = cursor is not None and rows.filter(pk__gt=page[0].pk).exists(), has_more
    return Page(
        page,
        next=Cursor(False, page[-1].pk) if has_older else None,
        previous=Cursor(True, page[0].pk) if has_newer else None,
    )


def read_limit(request: Request) -> int:
    """The `limit` of the query. 50 if not given. Raises ApiError if it is not valid."""
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
        raise invalid({"limit": [f"must be a number from 1 to {MAX_LIMIT}"]})
    return int(text)


def _read_cursor(request: Request) -> Cursor | None:
    text = request.query_params.get("cursor")
    if text is None:
        return None
    cursor = Cursor.decode(text)
    if cursor is None:
        raise invalid({"cursor": ["is not a cursor: follow the links next and previous"]})
    return cursor


def _link(request: Request, cursor: Cursor | None) -> str | None:
    return replace_query_param(request.build_absolute_uri(), "cursor", cursor.encode()) if cursor else None


class CursorPagination(BasePagination):
    """Pages of a queryset for viewsets. Its primary key is a UUIDv7, by which rows are ordered."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows of the page that the query's `cursor` and `limit` ask for. Raises ApiError if they are not valid."""
        self._request, self._page = request, paginate(request, queryset)
        return list(self._page.rows)

    def get_paginated_response(self, data: Any) -> Response:
        return self._page.answer(self._request, data)


class OnePagePagination(BasePagination):
    """Lists that always fit on one page, in the envelope of a page: `{"data": […], "next": null, "previous": null}`."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        return list(queryset)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"data": data, "next": None, "previous": None})

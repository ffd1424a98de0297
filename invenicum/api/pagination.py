"""Pages, newest first, by an opaque cursor: stable while rows come and go, and the last as fast as the first."""

import base64
import binascii
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from .errors import invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 100

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows: before or after the row `id`, in the order of the list."""

    before: bool
    id: uuid.UUID

    def encode(self) -> str:
        return base64.urlsafe_b64encode(bytes([self.before]) + self.id.bytes).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Raises ValueError where `text` is no cursor of ours."""
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if len(raw) != 17 or raw[0] > 1:
            raise ValueError("not a cursor")
        return cls(bool(raw[0]), uuid.UUID(bytes=raw[1:]))


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list, and the cursors of its neighbours."""

    rows: Sequence[Any]
    next: Cursor | None
    previous: Cursor | None

    def answer(self, request: Request, data: list[Any]) -> Response:
        """The response that shows `data` for the page's rows and links to its neighbours."""
        return Response({"data": data, "next": _link(request, self.next), "previous": _link(request, self.previous)})


def paginate(request: Request, rows: "QuerySet[Row]") -> Page:
    """The page of `rows` (whose primary key is a UUIDv7) that the query's `cursor` and `limit` ask for."""
    limit, cursor = _read_limit(request), _read_cursor(request)
    if cursor is None:
        found = list(rows.order_by("-pk")[: limit + 1])
    elif cursor.before:
        found = list(rows.filter(pk__gt=cursor.id).order_by("pk")[: limit + 1])
    else:
        found = list(rows.filter(pk__lt=cursor.id).order_by("-pk")[: limit + 1])
    has_more, page = len(found) > limit, found[:limit]
    if not page:
        return Page(page, None, None)
    if cursor is not None and cursor.before:
        page.reverse()
        has_newer, has_older = has_more, rows.filter(pk__lt=page[-1].pk).exists()
    else:
        has_newer, has_older = cursor is not None and rows.filter(pk__gt=page[0].pk).exists(), has_more
    return Page(
        page,
        next=Cursor(False, page[-1].pk) if has_older else None,
        previous=Cursor(True, page[0].pk) if has_newer else None,
    )


def _read_limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
        raise invalid({"limit": [f"must be a number from 1 to {MAX_LIMIT}"]})
    return int(text)


def _read_cursor(request: Request) -> Cursor | None:
    text = request.query_params.get("cursor")
    if text is None:
        return None
    try:
        return Cursor.decode(text)
    except (ValueError, binascii.Error):
        raise invalid({"cursor": ["is not a cursor: follow the links next and previous"]}) from None


def _link(request: Request, cursor: Cursor | None) -> str | None:
    return cursor and replace_query_param(request.build_absolute_uri(), "cursor", cursor.encode())

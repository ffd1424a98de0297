"""Calling a WSGI application, without a server."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import Any

from invenicum.web.wsgi import call

SCOPE = {
    "type": "http",
    "method": "GET",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "http_version": "1.1",
    "scheme": "http",
    "headers": [],
}


class Result:
    is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"o", b"k"])

    def close(self) -> None:
        self.is_closed = True


def test_the_result_is_closed_when_the_call_returns_even_if_its_frame_is_kept() -> None:
    result, frames = Result(), list[Any]()

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        frames.append(sys._getframe())  # as the traceback of an exception that was logged does
        start_response("200 OK", [])
        return result

    assert call(application, SCOPE, io.BytesIO()).body == b"ok"
    assert result.is_closed
    assert frames

import io
from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_chunked_bodies(application: Application, limit: int) -> Application:
    """A WSGI application that understands bodies sent in chunks, which Django reads as empty.

    One byte more than `limit` is read at most: enough for the application to refuse it as too large.
    """

    def measured(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        # Servers that set this, as gunicorn does, end the input at the end of the body; on others reading could block.
        is_chunked = "HTTP_TRANSFER_ENCODING" in environ and not environ.get("CONTENT_LENGTH")
        if is_chunked and environ.get("wsgi.input_terminated"):
            body = environ["wsgi.input"].read(limit + 1)
            environ = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return application(environ, start_response)

    return measured

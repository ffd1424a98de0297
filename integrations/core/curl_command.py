"""A request as a command for curl, to send it by hand. Pure."""

import shlex
from collections.abc import Collection

from .http import Request

PLACEHOLDER = "YOUR-{}"  # stands for the value of a header that is not shown, e.g. YOUR-X-API-KEY


def curl_command(request: Request, hidden: Collection[str]) -> str:
    """The command that sends `request`, for a POSIX shell, on several lines.

    `hidden`: the names of headers whose values are not shown. https://curl.se/docs/manpage.html
    """
    parts = [f"curl -i -X {shlex.quote(request.method)} {shlex.quote(request.url)}"]
    for name, value in request.headers.items():
        shown = PLACEHOLDER.format(name.upper()) if name in hidden else value
        parts.append("-H " + shlex.quote(f"{name}: {shown}"))
    if request.body:
        # Not --data: that reads a file if the body begins with @.
        parts.append("--data-raw " + shlex.quote(request.body.decode()))
    return " \\\n  ".join(parts)

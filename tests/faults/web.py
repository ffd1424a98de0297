"""The web server on a database of the test's own, and requests with a user's token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.faults.database import Database
from tests.processes import Process, web
from tests.services import free_port, wait_for_port
from tests.waiting import WAIT_DEADLINE_SECONDS

TOKEN = """
from invenicum.accounts.models import User
from invenicum.accounts.scopes import USER_SCOPES
from invenicum.accounts.tokens import issue_token
owner, _ = User.objects.get_or_create(username="alice")
print(issue_token(owner, USER_SCOPES))
"""
Answer = tuple[int, dict[str, str], bytes]


class Web:
    """The web server, with a user's token."""

    def __init__(self, process: Process, port: int, token: str) -> None:
        self.process = process
        self._port = port
        self._token = token

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=WAIT_DEADLINE_SECONDS)
        is_form = isinstance(body, str)
        content_type = "application/x-www-form-urlencoded" if is_form else "application/json"
        given = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            content = body if is_form or body is None else json.dumps(body)
            connection.request(method, path, content, given | named)
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()


@contextmanager
def serving(database: Database, token: str, folder: Path, url: str) -> Iterator[Web]:
    """The web server on the database at `url`."""
    port = free_port()
    env = database.environment(PORT=str(port), WEB_WORKERS="1") | {"DATABASE_URL": url}
    with web(env, folder / "web.log") as process:
        wait_for_port(port)
        yield Web(process, port, token)

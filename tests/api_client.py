"""The API as a test calls it."""

from collections.abc import Callable
from typing import Any

from django.test import Client


class ApiClient(Client):
    """Django's test client, speaking JSON and carrying a bearer token."""

    def post(self, path: str, data: Any = "", content_type: str = "application/json", *args: Any, **rest: Any) -> Any:
        return super().post(path, data, content_type, *args, **rest)

    def patch(self, path: str, data: Any = "", content_type: str = "application/json", *args: Any, **rest: Any) -> Any:
        return super().patch(path, data, content_type, *args, **rest)

    def put(self, path: str, data: Any = "", content_type: str = "application/json", *args: Any, **rest: Any) -> Any:
        return super().put(path, data, content_type, *args, **rest)


Api = Callable[..., ApiClient]  # `api(alice)`, or with fewer scopes `api(alice, "assets:read")`

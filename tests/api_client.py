"""A client of the API for tests."""

from collections.abc import Callable
from typing import Any

from django.test import Client

JSON = "application/json"


class ApiClient(Client):
    """Django's test client, speaking JSON and carrying a bearer token."""

    def post(self, path: Any, data: Any = "", content_type: str = JSON, *args: Any, **options: Any) -> Any:
        return super().post(path, data, content_type, *args, **options)

    def patch(self, path: Any, data: Any = "", content_type: str = JSON, *args: Any, **options: Any) -> Any:
        return super().patch(path, data, content_type, *args, **options)

    def put(self, path: Any, data: Any = "", content_type: str = JSON, *args: Any, **options: Any) -> Any:
        return super().put(path, data, content_type, *args, **options)


Api = Callable[..., ApiClient]  # `api(alice)`, or with fewer scopes `api(alice, "assets:read")`

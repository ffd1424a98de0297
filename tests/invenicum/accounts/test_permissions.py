from collections.abc import Iterator
from typing import Any

import pytest

from invenicum import urls
from invenicum.accounts.models import User
from invenicum.accounts.permissions import HasScope, required_scope
from invenicum.accounts.scopes import ALL_SCOPES
from tests.api_client import Api


def test_a_token_allows_only_what_its_scope_names(api: Api, alice: User) -> None:
    client = api(alice, "assets:read")
    assert client.get("/assets").status_code == 200
    response = client.post("/assets", {"name": "Photo"})
    assert response.status_code == 403
    assert response.json()["error"] == "PERMISSION_DENIED"
    assert "assets:write" in response.json()["message"]


def test_head_needs_the_scope_of_get(api: Api, alice: User) -> None:
    assert api(alice, "assets:read").head("/assets").status_code == 200
    assert api(alice, "events:write").head("/assets").status_code == 403


def test_similar_scopes_do_not_count(api: Api, alice: User) -> None:
    assert api(alice, "assets:rea", "assets:readx").get("/assets").status_code == 403


def routes() -> Iterator[Any]:
    """Each route of the API that needs a token: its view as for a request, and the methods that it answers."""
    for pattern in urls.api_urlpatterns:
        callback: Any = pattern.callback
        if not hasattr(callback, "cls"):
            continue
        view = callback.cls(**callback.initkwargs)
        if HasScope not in view.permission_classes:  # an action may be for everybody: the OAuth callback
            continue
        actions = getattr(callback, "actions", None)
        for method, action in (actions or {}).items():  # as ViewSetMixin.as_view does for each request
            setattr(view, method, getattr(view, action))
        methods = actions or [method for method in view.http_method_names if hasattr(view, method)]
        yield pytest.param(view, [method for method in methods if method != "options"], id=str(pattern.pattern))


@pytest.mark.parametrize(("view", "methods"), list(routes()))
def test_every_route_names_an_existing_scope_for_each_of_its_methods(view: Any, methods: list[str]) -> None:
    assert methods
    assert {required_scope(view, method.upper()) for method in methods} <= ALL_SCOPES

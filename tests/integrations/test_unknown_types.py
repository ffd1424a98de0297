"""The same error for an unknown type, on every route that names one."""

from typing import Any

import pytest

from invenicum.accounts.models import User

ROUTES = [
    ("get", "/connectors/fax", None),
    ("get", "/integrations/fax", None),
    ("patch", "/integrations/fax", {"isActive": "not read"}),
    ("delete", "/integrations/fax", None),
    ("get", "/integrations/fax/secret", None),
    ("post", "/integrations/fax/secret/rotate", None),
    ("get", "/integrations/fax/health", None),
    ("post", "/integrations/fax/ping", None),
    ("post", "/integrations/fax/replay", {"since": "not read"}),
    ("get", "/integrations/oauth/authorize/fax", None),
    ("get", "/integrations/oauth/callback/fax?code=1&code=2", None),
    ("post", "/integrations", {"type": "fax", "config": {}}),
    ("post", "/integrations/test", {"type": "fax", "config": {}}),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=[f"{method} {path}" for method, path, _ in ROUTES])
def test_an_unknown_type_gets_the_same_error_on_every_route(
    api: Any, alice: User, method: str, path: str, body: Any
) -> None:
    response = getattr(api(alice), method)(path, *([body] if body else []))
    assert response.status_code == 404
    assert response.json() == {
        "success": False,
        "message": "There is no integration type 'fax': GET /connectors lists the types.",
        "error": "INTEGRATION_NOT_FOUND",
    }


def test_a_caller_without_a_token_learns_nothing_about_types(client: Any) -> None:
    assert client.get("/integrations/fax").status_code == 401


def test_a_browser_gets_the_message_on_a_page(client: Any, db: None) -> None:
    page = client.get("/integrations/oauth/callback/fax?code=1&state=2", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "There is no integration type" in page.content.decode()

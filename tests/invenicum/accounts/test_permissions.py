import pytest

from invenicum import urls
from invenicum.accounts.permissions import HasScope, required_scope
from invenicum.accounts.tokens import ALL_SCOPES


def test_a_token_opens_only_what_its_scope_names(api, alice):
    client = api(alice, "assets:read")
    assert client.get("/assets").status_code == 200
    response = client.post("/assets", {"name": "Photo"})
    assert response.status_code == 403
    assert response.json()["error"] == "PERMISSION_DENIED"
    assert "assets:write" in response.json()["message"]


def test_head_wants_the_scope_of_get(api, alice):
    assert api(alice, "assets:read").head("/assets").status_code == 200
    assert api(alice, "events:write").head("/assets").status_code == 403


def test_scopes_that_resemble_do_not_help(api, alice):
    assert api(alice, "assets:rea", "assets:readx").get("/assets").status_code == 403


def api_views():
    for pattern in urls.api_urlpatterns:
        view = getattr(pattern.callback, "cls", None)
        if view is not None and HasScope in view.permission_classes:
            yield pytest.param(view, pattern.callback, id=str(pattern.pattern))


@pytest.mark.parametrize(("view", "callback"), list(api_views()))
def test_every_route_names_a_scope_there_is_for_each_of_its_methods(view, callback):
    methods = [method.upper() for method in view.http_method_names if hasattr(view, method) and method != "options"]
    actions = getattr(callback, "actions", None) or {method.lower(): method for method in methods}
    assert {required_scope(view, method.upper()) for method in actions} <= ALL_SCOPES

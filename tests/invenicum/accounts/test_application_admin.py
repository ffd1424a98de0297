import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from oauth2_provider.models import AccessToken, Grant, RefreshToken

from invenicum.accounts.models import Application, User
from invenicum.audit.models import AuditEntry

from .oauth_client import Attempt, assets, basic, register, service_token

LIST = "/admin/accounts/application/"
SERVICE, WEB_APP, PUBLIC_APP = Application.Kind


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("staff"))
    return client


def viewer_of(*codenames: str) -> Client:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(viewer)
    return client


def add(staff: Client, **changes: Any) -> Any:
    form = {"name": "Publisher", "kind": "service", "allowed_scopes": ["events:write"], "redirect_uris": "", "user": ""}
    return staff.post(f"{LIST}add/", {**form, **changes})


def shown_secret(response: Any) -> str:
    found = re.search(r'<code id="secret">(\w+)</code>', response.content.decode())
    assert found is not None
    return found[1]


def test_the_secret_of_a_service_is_shown_once_and_works(staff: Client, alice: User) -> None:
    response = add(staff, user=alice.pk, allowed_scopes=["events:publish-any", "events:write"])
    secret = shown_secret(response)
    assert "no-store" in response["Cache-Control"]
    application = Application.objects.get()
    assert (
        "access_token"
        in Client()
        .post("/oauth/token", {"grant_type": "client_credentials"}, headers=basic(application, secret))
        .json()
    )
    for path in (LIST, f"{LIST}{application.pk}/change/", f"{LIST}{application.pk}/history/"):
        page = staff.get(path).content.decode()
        assert secret not in page
        assert application.client_secret not in page
    assert secret not in "".join(AuditEntry.objects.values_list("detail", flat=True))


def test_a_new_secret_replaces_the_old_one(staff: Client, alice: User) -> None:
    application = register(SERVICE, user=alice)
    form = {"name": "Publisher", "kind": "service", "user": alice.pk, "allowed_scopes": "assets:read"}
    change = f"{LIST}{application.pk}/change/"
    assert "_new_secret" in staff.get(change).content.decode()
    secret = shown_secret(staff.post(change, {**form, "_new_secret": "x"}))
    assert service_token(application)["error"] == "invalid_client"
    answer = Client().post("/oauth/token", {"grant_type": "client_credentials"}, headers=basic(application, secret))
    assert answer.status_code == 200
    assert AuditEntry.objects.filter(action="changed").latest("id").detail == "Made a new secret."
    assert staff.post(change, form).status_code == 302  # saving generates none
    assert (
        Client()
        .post("/oauth/token", {"grant_type": "client_credentials"}, headers=basic(application, secret))
        .status_code
        == 200
    )


def test_an_app_without_a_secret_shows_none(staff: Client) -> None:
    response = add(staff, kind="public", redirect_uris="com.example.app:/signed-in\nhttp://127.0.0.1/cb")
    assert response.status_code == 302
    application = Application.objects.get()
    assert application.redirect_uris.split() == ["com.example.app:/signed-in", "http://127.0.0.1/cb"]
    assert application.kind is PUBLIC_APP
    assert "_new_secret" not in staff.get(f"{LIST}{application.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "A service needs a service account"),
        ({"kind": "web"}, "An app needs a redirect URI"),
        ({"kind": "web", "redirect_uris": "http://app.example.com/"}, "must begin with https"),
        (
            {"kind": "public", "redirect_uris": "https://a.example/", "allowed_scopes": "accounts:write"},
            "Only a service",
        ),
        ({"kind": "other"}, "Select a valid choice"),
        ({"name": ""}, "This field is required"),
        ({"allowed_scopes": "everything"}, "Select a valid choice"),
    ],
)
def test_an_invalid_application_is_reported_at_its_fields(staff: Client, changes: dict[str, Any], said: str) -> None:
    response = add(staff, **changes)
    assert response.status_code == 200
    assert said in response.content.decode()
    assert not Application.objects.exists()


def test_staff_with_view_permission_only_change_and_revoke_nothing(alice: User) -> None:
    application = register(SERVICE, user=alice)
    token = service_token(application)["access_token"]
    viewer = viewer_of("view_application")
    change = f"{LIST}{application.pk}/change/"
    assert "_new_secret" not in viewer.get(change).content.decode()
    assert viewer.post(change, {"_new_secret": "x"}).status_code == 403
    assert add(viewer, user=alice.pk).status_code == 403
    viewer.post(LIST, {"action": "revoke", "post": "yes", "_selected_action": [application.pk]})
    assert assets(token) == 200
    assert Client().get(LIST).status_code == 302


def test_all_tokens_of_an_application_are_revoked_at_once(staff: Client, alice: User) -> None:
    app = register(PUBLIC_APP)
    tokens = Attempt(app).tokens(alice)
    staff.post(LIST, {"action": "revoke", "post": "yes", "_selected_action": [app.pk]})
    assert assets(tokens["access_token"]) == 401
    assert not RefreshToken.objects.exists()


def test_an_application_is_deleted_with_its_tokens(staff: Client, alice: User) -> None:
    app = register(PUBLIC_APP)
    tokens = Attempt(app).tokens(alice)
    deletion = f"{LIST}{app.pk}/delete/"
    assert "Application: Label Printer" in staff.get(deletion).content.decode()
    staff.post(deletion, {"post": "yes"})
    assert not Application.objects.exists()
    assert assets(tokens["access_token"]) == 401


def test_codes_and_refresh_tokens_can_only_be_viewed_and_revoked(staff: Client, alice: User) -> None:
    app = register(PUBLIC_APP)
    attempt = Attempt(app)
    tokens, code = attempt.tokens(alice), attempt.code(alice)
    for name, row in (("grant", Grant.objects.get()), ("refreshtoken", RefreshToken.objects.get())):
        address = f"/admin/oauth2_provider/{name}/"
        for path in (address, f"{address}{row.pk}/change/"):
            page = staff.get(path).content.decode()
            assert "alice" in page
            assert "Label Printer" in page
            assert code not in page
        assert staff.get(f"{address}add/").status_code == 403
        assert staff.post(f"{address}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "revoke", "post": "yes", "_selected_action": [RefreshToken.objects.get().pk]}
    viewer_of("view_refreshtoken").post("/admin/oauth2_provider/refreshtoken/", chosen)
    assert assets(tokens["access_token"]) == 200
    staff.post("/admin/oauth2_provider/refreshtoken/", chosen)
    assert assets(tokens["access_token"]) == 401


def test_revoking_an_access_token_revokes_its_refresh_token(staff: Client, alice: User) -> None:
    Attempt(register(PUBLIC_APP)).tokens(alice)
    chosen = {"action": "revoke", "post": "yes", "_selected_action": [AccessToken.objects.get().pk]}
    staff.post("/admin/oauth2_provider/accesstoken/", chosen)
    assert not AccessToken.objects.exists()
    assert RefreshToken.objects.get().revoked

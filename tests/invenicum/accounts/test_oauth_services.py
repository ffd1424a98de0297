"""Tokens of services: client credentials (RFC 6749, section 4.4), revocation (RFC 7009), introspection (RFC 7662)."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from invenicum.accounts.models import Application, User
from invenicum.accounts.tokens import issue_token

from .oauth_client import CALLBACK, SECRET, Attempt, ask_token, assets, basic, register, service_token

SERVICE, WEB_APP, PUBLIC_APP = Application.Kind
INVALID = {"success": False, "message": "Invalid or expired token", "error": "NOT_AUTHENTICATED"}


@pytest.fixture
def service(alice: User) -> Application:
    return register(SERVICE, "assets:read events:publish-any", user=alice)


def introspect(token: str, application: Application | None, secret: str = SECRET) -> Any:
    headers = basic(application, secret) if application else None
    return Client().post("/oauth/introspect", {"token": token}, headers=headers)


def test_a_service_gets_a_token_for_an_hour_and_acts_as_its_service_account(service: Application, alice: User) -> None:
    answer = service_token(service)
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert set(answer["scope"].split()) == {"assets:read", "events:publish-any"}
    assert "refresh_token" not in answer
    assert assets(answer["access_token"]) == 200
    assert introspect(answer["access_token"], service).json()["sub"] == alice.public_id


def test_a_service_may_send_its_secret_in_the_form(service: Application) -> None:
    form = {"client_id": service.client_id, "client_secret": SECRET}
    assert ask_token(grant_type="client_credentials", **form).status_code == 200


def test_a_service_gets_only_its_allowed_scopes(service: Application) -> None:
    assert service_token(service, scope="assets:read")["scope"] == "assets:read"
    assert service_token(service, scope="assets:write")["error"] == "invalid_scope"
    assert service_token(service, scope="assets:read accounts:write")["error"] == "invalid_scope"


def test_a_scope_that_an_application_loses_is_lost_to_its_tokens(service: Application) -> None:
    token = service_token(service)["access_token"]
    Application.objects.update(allowed_scopes="events:write")
    assert assets(token) == 403


@pytest.mark.parametrize("secret", ["wrong", ""])
def test_a_wrong_secret_gets_nothing(service: Application, secret: str) -> None:
    response = ask_token(basic(service, secret), grant_type="client_credentials")
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


def test_a_secret_is_stored_as_a_hash(service: Application) -> None:
    assert SECRET not in {str(value) for value in vars(Application.objects.get()).values()}


@pytest.mark.parametrize("grant_type", ["password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "x"])
def test_other_grants_are_refused(service: Application, grant_type: str) -> None:
    form = {"username": "alice", "password": "x", "device_code": "x"}
    response = ask_token(basic(service), grant_type=grant_type, **form)
    assert response.status_code in (400, 404)
    assert "access_token" not in response.json()


def test_an_app_cannot_use_client_credentials(db: None) -> None:
    for kind in (WEB_APP, PUBLIC_APP):
        answer = service_token(register(kind))
        assert answer["error"] in ("invalid_client", "unauthorized_client")


def test_a_service_without_an_active_account_is_refused(service: Application, alice: User) -> None:
    token = service_token(service)["access_token"]
    User.objects.update(is_active=False)
    assert assets(token) == 401
    assert service_token(service)["error"] == "invalid_client"
    assert introspect(token, service).status_code == 401
    User.objects.update(is_active=True)
    Application.objects.update(user=None)
    assert Client().get("/assets", headers={"Authorization": f"Bearer {token}"}).json() == INVALID
    assert service_token(service)["error"] == "invalid_client"


def test_a_token_without_a_user_is_refused_if_its_application_is_not_a_service(service: Application) -> None:
    token = service_token(service)["access_token"]
    Application.objects.update(authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE)
    assert assets(token) == 401


def test_a_revoked_token_is_refused_at_once(service: Application) -> None:
    token = service_token(service)["access_token"]
    assert Client().post("/oauth/revoke", {"token": token}, headers=basic(service)).status_code == 200
    assert assets(token) == 401
    assert introspect(token, service).json() == {"active": False}


def test_one_application_cannot_revoke_the_token_of_another(service: Application, charlie: User) -> None:
    token = service_token(service)["access_token"]
    other = register(SERVICE, user=charlie)
    assert Client().post("/oauth/revoke", {"token": token}, headers=basic(other)).status_code == 200
    assert Client().post("/oauth/revoke", {"token": token}).status_code == 401
    assert assets(token) == 200


def test_introspection_says_what_a_token_allows(service: Application, alice: User) -> None:
    answer = introspect(service_token(service, scope="assets:read")["access_token"], service).json()
    assert answer.pop("exp") > 0
    assert answer == {
        "active": True,
        "scope": "assets:read",
        "client_id": service.client_id,
        "sub": alice.public_id,
        "token_type": "Bearer",
        "iss": "http://localhost:8000",
    }


def test_introspection_tells_a_service_nothing_about_tokens_of_others(
    service: Application, alice: User, charlie: User
) -> None:
    charlies = register(SERVICE, user=charlie)
    for token in (service_token(service)["access_token"], issue_token(alice), "no-token", "\x00"):
        response = introspect(token, charlies)
        assert response.status_code == 400 if token == "\x00" else response.json() == {"active": False}


def test_introspection_needs_the_secret_of_an_application(service: Application) -> None:
    token = service_token(service)["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    for response in (
        introspect(token, None),
        introspect(token, service, "wrong"),
        introspect(token, register(PUBLIC_APP)),
        Client().post("/oauth/introspect", {"token": token}, headers=bearer),
    ):
        assert (response.status_code, response.json()) == (401, {"error": "invalid_client"})
        assert response["WWW-Authenticate"].startswith("Basic")
    assert Client().get(f"/oauth/introspect?token={token}", headers=basic(service)).status_code == 405
    assert Client().post("/oauth/introspect", headers=basic(service)).status_code == 400


def test_no_token_is_issued_for_another_service(service: Application) -> None:
    assert service_token(service, resource="https://elsewhere.example.com/")["error"] == "invalid_target"
    assert "access_token" in service_token(service, resource="http://localhost:8000/api/v1")


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/token/"])
def test_nul_is_refused(path: str, db: None) -> None:
    response = Client().post(path, {"grant_type": "authorization_code", "code": "\0", "client_id": "x", "token": "\0"})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("kind", "fields", "wrong"),
    [
        (SERVICE, {}, "user"),
        (WEB_APP, {"redirect_uris": ""}, "redirect_uris"),
        (WEB_APP, {"redirect_uris": f"{CALLBACK} http://app.example.com/"}, "redirect_uris"),
        (PUBLIC_APP, {"allowed_scopes": "assets:read events:publish-any"}, "allowed_scopes"),
    ],
)
def test_an_application_that_cannot_work_is_invalid(
    kind: Application.Kind, fields: dict[str, Any], wrong: str, db: None
) -> None:
    with pytest.raises(ValidationError) as refused:
        register(kind, **fields)
    assert list(refused.value.message_dict) == [wrong]


def test_the_service_of_a_removed_account_is_removed(service: Application, alice: User) -> None:
    token = service_token(service)["access_token"]
    alice.delete()
    assert assets(token) == 401
    assert not Application.objects.exists()


def test_the_metadata_names_the_endpoints_and_what_they_support(settings: Any) -> None:
    settings.PUBLIC_URL = "https://integrations.example.com"
    response = Client().get("/.well-known/oauth-authorization-server")
    answer = response.json()
    assert answer["issuer"] == "https://integrations.example.com"
    assert answer["token_endpoint"] == "https://integrations.example.com/oauth/token"
    assert answer["authorization_endpoint"] == "https://integrations.example.com/oauth/authorize"
    assert answer["code_challenge_methods_supported"] == ["S256"]
    assert answer["grant_types_supported"] == ["authorization_code", "client_credentials", "refresh_token"]
    assert "none" not in answer["introspection_endpoint_auth_methods_supported"]
    assert "registration_endpoint" not in answer
    assert response["Access-Control-Allow-Origin"] == "*"


def test_a_service_cannot_use_the_flow_of_an_app(service: Application, alice: User) -> None:
    response = Attempt(service).open(alice)
    assert response.status_code == 400  # it has no redirect URI to redirect to

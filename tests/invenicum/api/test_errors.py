import logging
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from invenicum import urls
from invenicum.accounts.models import User
from invenicum.api.errors import ApiError, envelope, exception_handler
from tests.api_client import Api


class CrashView(APIView):
    authentication_classes = []
    permission_classes = []

    def get(self, request: Request) -> Response:
        raise RuntimeError("the secret is 42")


def crash(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("outside of an API view")


urlpatterns = [path("crash", CrashView.as_view()), path("page", crash), *urls.urlpatterns]
handler500 = urls.handler500


def answer_to(exception: Exception) -> tuple[int, dict[str, Any]]:
    response = exception_handler(exception, {})
    return response.status_code, response.data


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.urls(__name__)
def test_a_crash_in_a_view_is_logged_and_answered_with_the_envelope(
    debug: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(DEBUG=debug), caplog.at_level(logging.ERROR, "invenicum.api.errors"):
        response = Client().get("/crash")
    assert response.status_code == 500
    assert response.json()["error"] == "INTERNAL_ERROR"
    assert "42" not in response.content.decode()
    assert "RuntimeError: the secret is 42" in caplog.text


@pytest.mark.urls(__name__)
def test_a_crash_outside_of_the_api_views_has_the_envelope_too() -> None:
    response = Client(raise_request_exception=False).get("/page")
    assert (response.status_code, response.json()["error"]) == (500, "INTERNAL_ERROR")


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("address", ["/nope", "/api/v1/nope", "/assets/a/b", "/nope/"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_route_is_not_found_for_any_caller(debug: bool, address: str, method: str) -> None:
    with override_settings(DEBUG=debug):
        response = getattr(Client(enforce_csrf_checks=True), method)(address)
    assert response.status_code == 404
    assert response.json() == {"success": False, "message": "There is nothing at this address", "error": "NOT_FOUND"}


def test_a_forged_host_gets_the_envelope() -> None:
    response = Client().get("/assets", headers={"Host": "evil.example"})
    assert (response.status_code, response.json()["error"]) == (400, "INVALID_CONFIG")


def test_the_admin_keeps_its_own_pages(admin_client: Client) -> None:
    response = admin_client.get("/admin/nope/")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


def test_details_are_left_out_if_there_are_none() -> None:
    assert envelope("NOT_FOUND", "Not there") == {"success": False, "message": "Not there", "error": "NOT_FOUND"}
    assert envelope("X", "x", {"name": ["wrong"]})["details"] == {"name": ["wrong"]}


def test_a_validation_error_lists_its_messages_by_dotted_path() -> None:
    status, body = answer_to(ValidationError({"name": ["too long"], "config": {"url": ["not a URL"]}, "tags": "bad"}))
    assert status == 400
    assert body["error"] == "INVALID_CONFIG"
    assert body["details"] == {"name": ["too long"], "config.url": ["not a URL"], "tags": ["bad"]}


def test_a_validation_error_of_a_list_names_the_place_in_it() -> None:
    _, body = answer_to(ValidationError([{}, {"event": ["unknown"]}]))
    assert body["details"] == {"1.event": ["unknown"]}


@pytest.mark.parametrize(
    ("exception", "status", "code"),
    [
        (PermissionDenied(), 403, "PERMISSION_DENIED"),
        (Http404("secret path"), 404, "NOT_FOUND"),
        (ApiError(409, "INVALID_CONFIG", "twice"), 409, "INVALID_CONFIG"),
    ],
)
def test_common_exceptions_of_views_have_their_code(
    exception: ApiError | Http404 | PermissionDenied, status: int, code: str
) -> None:
    answer = answer_to(exception)
    assert (answer[0], answer[1]["error"]) == (status, code)
    assert "secret" not in answer[1]["message"]


def test_an_error_may_have_headers() -> None:
    response = exception_handler(ApiError(429, "RATE_LIMITED", "slow", headers={"Retry-After": "7"}), {})
    assert response.headers["Retry-After"] == "7"


def test_a_method_that_a_route_lacks_is_not_allowed(api: Api, alice: User) -> None:
    for method in ("put", "options", "trace"):
        response = getattr(api(alice), method)("/assets")
        assert (response.status_code, response.json()["error"]) == (405, "METHOD_NOT_ALLOWED")


def test_another_content_type_than_json_is_refused(api: Api, alice: User) -> None:
    response = api(alice).post("/assets", "name=x", content_type="application/x-www-form-urlencoded")
    assert (response.status_code, response.json()["error"]) == (415, "INVALID_CONFIG")


def test_the_answer_is_json_for_any_accept_header(api: Api, alice: User) -> None:
    response = api(alice).get("/assets?format=xml", headers={"Accept": "text/html"})
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")

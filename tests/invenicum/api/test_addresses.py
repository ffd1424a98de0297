import pytest
from django.test import Client, RequestFactory

from invenicum.accounts.models import User
from invenicum.api.addresses import client_address
from tests.api_client import Api


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
@pytest.mark.parametrize("address", ["/integrations/%00", "/api/v1/integrations/a%00b"])
def test_an_address_with_nul_is_not_found_without_a_query(api: Api, alice: User, method: str, address: str) -> None:
    response = getattr(api(alice), method)(address)
    assert (response.status_code, response.json()["error"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("name", ["type", "event"])
def test_nul_in_a_query_parameter_is_reported_before_it_reaches_the_database(api: Api, alice: User, name: str) -> None:
    response = api(alice).get(f"/deliveries?{name}=x%00")
    assert (response.status_code, list(response.json()["details"])) == (400, [name])


def test_text_that_only_looks_like_nul_is_accepted(api: Api, alice: User) -> None:
    assert api(alice).get("/deliveries?type=%2500").json()["data"] == []


def test_the_admin_answers_with_a_page(admin_client: Client) -> None:
    response = admin_client.get("/admin/accounts/user/%00/change/")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("base", ["", "/api/v1"])
def test_a_trailing_slash_changes_nothing(api: Api, alice: User, base: str) -> None:
    client = api(alice)
    made = client.post(f"{base}/assets/", {"assetId": "a-1", "name": "Photo.jpg"})
    assert made.status_code == 201
    assert client.get(f"{base}/assets/a-1/").json() == made.json()
    assert client.get(f"{base}/assets/?limit=1").json() == client.get(f"{base}/assets?limit=1").json()
    assert client.get(f"{base}/integrations/status/").status_code == 200
    assert client.get("/healthz/").json() == {"status": "ok"}


def test_the_admin_keeps_its_slashes(admin_client: Client) -> None:
    assert admin_client.get("/admin/accounts/user/").status_code == 200


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("", "127.0.0.1"),
        ("10.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("203.0.113.9:4711", "127.0.0.1"),
        ("unknown", "127.0.0.1"),
    ],
)
def test_the_address_is_what_the_trusted_proxy_saw(forwarded: str, address: str, settings: object) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # type: ignore[attr-defined]
    assert client_address(RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})) == address


def test_without_a_trusted_proxy_a_forwarded_address_is_ignored() -> None:
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "203.0.113.9"}, REMOTE_ADDR="")
    assert client_address(request) is None

import pytest


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
@pytest.mark.parametrize("address", ["/integrations/%00", "/api/v1/integrations/a%00b"])
def test_nothing_is_at_an_address_with_nul_and_no_database_is_asked(api, alice, method, address):
    response = getattr(api(alice), method)(address)
    assert (response.status_code, response.json()["error"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("name", ["type", "event"])
def test_nul_in_a_query_is_named_where_a_database_would_be_asked_for_it(api, alice, name):
    response = api(alice).get(f"/deliveries?{name}=x%00")
    assert (response.status_code, list(response.json()["details"])) == (400, [name])


def test_what_only_looks_like_nul_is_not_refused(api, alice):
    assert api(alice).get("/deliveries?type=%2500").json()["data"] == []


def test_the_admin_answers_with_a_page(admin_client):
    response = admin_client.get("/admin/auth/user/%00/change/")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")

"""A web app on another origin calls the API from a browser."""

from typing import Any

import pytest
from django.test import Client

APP = "https://app.example.com"
ASK = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}


@pytest.fixture(autouse=True)
def allowed(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP]


def test_an_allowed_origin_may_call_with_a_token(client: Client) -> None:
    answer = client.options("/api/v1/integrations/test", headers={"Origin": APP, **ASK})
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == APP
    assert "authorization" in answer["Access-Control-Allow-Headers"]


def test_it_may_read_errors_too(client: Client) -> None:
    answer = client.get("/api/v1/integrations/status", headers={"Origin": APP})
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (401, APP)


def test_another_origin_may_not(client: Client) -> None:
    for origin in ("https://evil.example.com", "null"):
        answer = client.options("/api/v1/integrations/test", headers={"Origin": origin, **ASK})
        assert "Access-Control-Allow-Origin" not in answer


def test_the_admin_allows_no_other_origin(client: Client) -> None:
    answer = client.get("/admin/login/", headers={"Origin": APP})
    assert "Access-Control-Allow-Origin" not in answer

from typing import Any

import pytest

from oauth_flows.checks import check_oauth


def ids(settings: Any) -> list[str | None]:
    return [problem.id for problem in check_oauth(None)]


def test_a_server_without_oauth_is_fine(settings: Any) -> None:
    assert ids(settings) == []


def test_half_a_client_is_an_error_that_names_the_other_half(settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("OAUTH_SLACK_CLIENT_ID", "id")
    [problem] = check_oauth(None)
    assert problem.id == "oauth_flows.E001"
    assert "OAUTH_SLACK_CLIENT_SECRET is not" in problem.msg


@pytest.mark.parametrize(
    "origin",
    ["https://app.example.com/path", "http://app.example.com", "app.example.com", "*", "https://a@b.example.com"],
)
def test_what_is_no_origin_is_an_error(settings: Any, origin: str) -> None:
    settings.OAUTH_RETURN_ORIGINS = ["https://app.example.com", "http://localhost:3000", origin]
    assert ids(settings) == ["oauth_flows.E002"]


def test_an_endpoint_without_tls_is_an_error_but_on_this_machine(settings: Any) -> None:
    settings.PROVIDER_ENDPOINTS = {
        "dropbox": {"tokenUrl": "http://dropbox.example.com/token", "apiUrl": "http://dropbox.example.com"},
        "gitlab": {"tokenUrl": "http://127.0.0.1:8080/token"},
    }
    assert ids(settings) == ["oauth_flows.E003"]


def test_a_public_url_without_tls_is_a_warning_once_a_client_is_set_up(settings: Any, monkeypatch: Any) -> None:
    settings.PUBLIC_URL = "http://integrations.example.com"
    assert ids(settings) == []
    monkeypatch.setenv("OAUTH_SLACK_CLIENT_ID", "id")
    monkeypatch.setenv("OAUTH_SLACK_CLIENT_SECRET", "secret")
    assert ids(settings) == ["oauth_flows.W001"]

import pytest
from pytest_django import Settings

from oauth_flows.checks import check_oauth


def ids() -> list[str | None]:
    return [problem.id for problem in check_oauth(None)]


def test_a_server_without_oauth_is_fine() -> None:
    assert ids() == []


def test_half_a_client_is_an_error_that_names_the_other_half(settings: Settings) -> None:
    settings.OAUTH_CLIENTS = {"slack": ("id", "")}
    [problem] = check_oauth(None)
    assert problem.id == "oauth_flows.E001"
    assert problem.msg == "OAUTH_SLACK_CLIENT_ID is set but OAUTH_SLACK_CLIENT_SECRET is not: a client needs both."
    settings.OAUTH_CLIENTS = {"slack": ("", "secret")}
    [problem] = check_oauth(None)
    assert problem.msg == "OAUTH_SLACK_CLIENT_SECRET is set but OAUTH_SLACK_CLIENT_ID is not: a client needs both."


@pytest.mark.parametrize("integration_type", ["fax", "s3"])
def test_a_client_for_a_type_without_oauth_is_a_warning(settings: Settings, integration_type: str) -> None:
    settings.OAUTH_CLIENTS = {integration_type: ("id", "secret")}
    [problem] = check_oauth(None)
    assert problem.id == "oauth_flows.W002"
    assert f"OAUTH_{integration_type.upper()}_CLIENT_ID" in problem.msg


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.com/path",
        "http://app.example.com",
        "app.example.com",
        "*",
        "https://a@b.example.com",
        "invenicum",
        "invenicum:",
        "invenicum:/",
        "Invenicum://",
        "invenicum://oauth/path",
        "invenicum://oauth?x=1",
        "1nvenicum://",
        "javascript://",
        "data://",
        "file:///",
        "intent://oauth",
    ],
)
def test_what_is_no_origin_is_an_error(settings: Settings, origin: str) -> None:
    settings.OAUTH_RETURN_ORIGINS = ["https://app.example.com", "http://localhost:3000", origin]
    assert ids() == ["oauth_flows.E002"]


def test_the_scheme_of_an_app_is_an_origin_with_or_without_a_host(settings: Settings) -> None:
    settings.OAUTH_RETURN_ORIGINS = ["invenicum://", "com.example.app://", "invenicum-dev://oauth", "https://a.example"]
    assert ids() == []


def test_an_endpoint_without_tls_is_an_error_but_on_this_machine(settings: Settings) -> None:
    settings.PROVIDER_ENDPOINTS = {
        "dropbox": {"tokenUrl": "http://dropbox.example.com/token", "apiUrl": "http://dropbox.example.com"},
        "gitlab": {"tokenUrl": "http://127.0.0.1:8080/token"},
    }
    assert ids() == ["oauth_flows.E003"]


def test_a_public_url_without_tls_is_a_warning_once_a_client_is_set_up(settings: Settings) -> None:
    settings.PUBLIC_URL = "http://integrations.example.com"
    assert ids() == []
    settings.OAUTH_CLIENTS = {"slack": ("id", "secret")}
    assert ids() == ["oauth_flows.W001"]


@pytest.mark.parametrize(("cloud", "tenant"), [("gcc", "organizations"), ("public", "common"), ("dod", "a/b")])
def test_a_cloud_or_tenant_of_teams_that_cannot_be_is_an_error(settings: Settings, cloud: str, tenant: str) -> None:
    settings.TEAMS_CLOUD, settings.TEAMS_TENANT = cloud, tenant
    assert ids() == ["oauth_flows.E004"]

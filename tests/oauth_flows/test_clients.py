import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from integrations import registry
from invenicum.accounts.models import User
from oauth_flows.clients import client_for, redirect_uri, variables
from oauth_flows.errors import NotConfigured
from oauth_flows.models import ProviderApp
from tests.api_client import Api

pytestmark = pytest.mark.django_db
CONNECTED_BY_OAUTH = {
    *("google_drive", "dropbox", "github", "gitlab", "bitbucket", "slack", "discord", "teams", "google_analytics")
}


def test_nine_types_can_be_connected() -> None:
    assert {connector.type for connector in registry.CONNECTORS if connector.oauth} == CONNECTED_BY_OAUTH


def test_every_declaration_is_sound() -> None:
    for connector in registry.all_connectors():
        spec = connector.oauth
        if spec is None:
            continue
        for url in (spec.authorize_url, spec.token_url, spec.identity_url, spec.revoke_url):
            assert url is None or url.startswith("https://"), connector.type
        aliases = {fact.alias for fact in connector.Config.facts()}
        assert set(spec.fills) <= aliases, connector.type
        assert set(spec.needed_scopes) <= set(spec.scopes), connector.type
        assert spec.account or (spec.identity_url and spec.identity_field), connector.type
        if spec.self_hosted:
            assert "baseUrl" in aliases, connector.type


def test_a_missing_client_names_the_variables_to_set() -> None:
    with pytest.raises(NotConfigured, match="OAUTH_GITHUB_CLIENT_ID and OAUTH_GITHUB_CLIENT_SECRET"):
        client_for("github")
    with pytest.raises(NotConfigured, match="POST /integrations"):
        client_for("s3")


def test_the_api_and_the_page_say_it_too(alice: User, api: Api) -> None:
    path = "/api/v1/integrations/oauth/authorize/github"
    answer = api(alice).get(path)
    assert (answer.status_code, answer.json()["error"]) == (400, "OAUTH_ERROR")
    assert "OAUTH_GITHUB_CLIENT_ID" in answer.json()["message"]
    page = api(alice).get(path, headers={"Accept": "text/html"})
    assert page.status_code == 400
    assert "OAUTH_GITHUB_CLIENT_ID" in page.content.decode()
    assert api(alice).get("/api/v1/integrations/oauth/authorize/fax").status_code == 404
    assert api(alice).get("/api/v1/integrations/oauth/authorize/s3").json()["error"] == "OAUTH_ERROR"


def test_the_environment_wins_over_the_admin(settings: Settings) -> None:
    ProviderApp.objects.create(type="github", client_id="of the admin", client_secret="s")
    assert client_for("github").client_id == "of the admin"
    settings.OAUTH_CLIENTS = {"github": ("half of one", "")}
    assert client_for("github").client_id == "of the admin"
    settings.OAUTH_CLIENTS = {"github": ("of the environment", "s")}
    assert client_for("github").client_id == "of the environment"


def test_a_self_hosted_server_moves_every_address() -> None:
    ProviderApp.objects.create(type="gitlab", client_id="i", client_secret="s", server="https://git.example.com/")
    spec = client_for("gitlab").spec
    assert spec.authorize_url == "https://git.example.com/oauth/authorize"
    assert spec.token_url == "https://git.example.com/oauth/token"
    assert spec.identity_url == "https://git.example.com/api/v4/user"
    assert spec.revoke_url == "https://git.example.com/oauth/revoke"


def test_a_subdomain_of_ghe_com_has_its_api_at_another_one() -> None:
    # https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency/network-details-for-ghecom
    ProviderApp.objects.create(type="github", client_id="i", client_secret="s", server="https://acme.ghe.com")
    spec = client_for("github").spec
    assert spec.authorize_url == "https://acme.ghe.com/login/oauth/authorize"
    assert spec.token_url == "https://acme.ghe.com/login/oauth/access_token"
    assert spec.identity_url == "https://api.acme.ghe.com/user"
    assert spec.revoke_url == "https://api.acme.ghe.com/applications/{client_id}/grant"


def test_the_settings_move_single_addresses_and_with_the_server_its_issuer(
    settings: Settings,
) -> None:
    settings.OAUTH_CLIENTS = {"google_drive": ("i", "s")}
    assert client_for("google_drive").spec.issuer == "https://accounts.google.com"
    settings.PROVIDER_ENDPOINTS = {"google_drive": {"authorizeUrl": "https://sovereign.example.com/auth"}}
    spec = client_for("google_drive").spec
    assert spec.authorize_url == "https://sovereign.example.com/auth"
    assert spec.token_url == "https://oauth2.googleapis.com/token"
    assert spec.issuer is None


def test_tokens_are_never_sent_in_clear(settings: Settings) -> None:
    settings.OAUTH_CLIENTS = {"dropbox": ("i", "s")}
    settings.PROVIDER_ENDPOINTS = {"dropbox": {"tokenUrl": "http://dropbox.example.com/token"}}
    with pytest.raises(NotConfigured, match="https"):
        client_for("dropbox")


@pytest.mark.parametrize(
    ("integration_type", "server", "says"),
    [
        ("s3", "", "no OAuth"),
        ("fax", "", "no OAuth"),
        ("dropbox", "https://dropbox.example.com", "not self-hosted"),
        ("gitlab", "http://git.example.com", "https"),
        ("gitlab", "https://git.example.com/gitlab", "without a path"),
    ],
)
def test_the_admin_refuses_a_client_that_cannot_work(integration_type: str, server: str, says: str) -> None:
    app = ProviderApp(type=integration_type, client_id="i", client_secret="s", server=server)
    with pytest.raises(ValidationError, match=says):
        app.full_clean()


def test_each_type_has_a_redirect_uri_of_its_own(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://integrations.example.com"
    assert redirect_uri("slack") == "https://integrations.example.com/api/v1/integrations/oauth/callback/slack"
    assert variables("google_drive") == ("OAUTH_GOOGLE_DRIVE_CLIENT_ID", "OAUTH_GOOGLE_DRIVE_CLIENT_SECRET")


def test_an_operator_can_ask_for_more_scopes(settings: Settings) -> None:
    settings.OAUTH_CLIENTS = {"google_drive": ("i", "s")}
    own = client_for("google_drive").spec.scopes
    settings.OAUTH_SCOPES = {"google_drive": ("https://www.googleapis.com/auth/drive", "email")}
    assert client_for("google_drive").spec.scopes == (*own, "https://www.googleapis.com/auth/drive")

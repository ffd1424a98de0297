from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from integrations.core.connector import Connector
from integrations.documentation import example_config, render_page
from integrations.registry import CONNECTORS, get

each_connector = pytest.mark.parametrize("connector", [kind() for kind in CONNECTORS], ids=lambda kind: kind.type)


def test_the_pages_in_the_repository_match_the_declarations() -> None:
    call_command("connector_docs", check=True)


def test_a_page_that_is_not_up_to_date_fails_the_check(tmp_path: Path) -> None:
    call_command("connector_docs", folder=tmp_path)
    call_command("connector_docs", check=True, folder=tmp_path)
    (tmp_path / "slack.md").write_text("old")
    (tmp_path / "fax.md").write_text("a connector that is no more")
    with pytest.raises(CommandError, match=r"fax\.md, slack\.md"):
        call_command("connector_docs", check=True, folder=tmp_path)
    call_command("connector_docs", folder=tmp_path)
    call_command("connector_docs", check=True, folder=tmp_path)
    assert not (tmp_path / "fax.md").exists()


@each_connector
def test_a_page_has_the_steps_the_fields_and_what_is_sent(connector: Connector) -> None:
    page = render_page(connector)
    assert connector.setup.strip() in page
    assert connector.sends.strip() in page
    assert connector.sends.strip()
    for fact in connector.Config.facts():
        assert (f"| `{fact.alias}` |" in page) is not fact.internal


@each_connector
def test_the_example_on_a_page_is_one_that_can_be_saved(connector: Connector) -> None:
    assert connector.Config.parse(example_config(connector.Config))


def test_secrets_and_what_oauth_replaces_are_marked() -> None:
    page = render_page(get("github"))
    assert "| `apiKey` | unless connected with OAuth | 8 to 4096 characters without spaces. Secret |" in page
    assert "OAUTH_GITHUB_CLIENT_ID" in page
    assert "OAUTH" not in render_page(get("s3"))

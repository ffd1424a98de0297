"""One version number: the changelog, the package, the API and outgoing requests agree."""

import re
import tomllib
from pathlib import Path

from django.conf import settings
from packaging.version import Version

from integrations.connectors.discord.connector import HEADERS
from invenicum.version import USER_AGENT, VERSION

ROOT = Path(settings.BASE_DIR)


def test_the_version_is_valid() -> None:
    assert str(Version(VERSION)) == VERSION


def test_the_newest_release_of_the_changelog_has_it_and_a_date() -> None:
    releases = re.findall(r"^## \[(\S+?)\](.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert releases[0] == ("Unreleased", "")
    assert releases[1][0] == VERSION
    assert re.fullmatch(r" - \d{4}-\d\d-\d\d", releases[1][1])


def test_the_package_reads_it_from_its_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "invenicum.version.VERSION"}


def test_the_api_and_the_requests_we_send_say_it() -> None:
    assert settings.SPECTACULAR_SETTINGS["VERSION"] == VERSION
    assert f"Invenicum-Integrations/{VERSION}" == USER_AGENT
    assert HEADERS["User-Agent"] == f"DiscordBot (https://invenicum.com, {VERSION})"

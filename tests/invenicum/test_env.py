import os
import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from invenicum.env import kept_secret, oauth_clients, oauth_scopes


def test_a_kept_secret_is_generated_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret_key"
    secret = kept_secret(path)
    assert len(secret) >= 60
    assert kept_secret(path) == secret
    assert [entry.name for entry in path.parent.iterdir()] == ["secret_key"]
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent)]
    assert modes == [0o600, 0o700]  # the database beside it holds sessions


@pytest.fixture(autouse=True)
def no_oauth_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OAUTH_")]:
        monkeypatch.delenv(name)


def test_oauth_clients_are_found_by_the_names_of_their_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("OAUTH_SLACK_CLIENT_ID", "id")
    monkeypatch.setenv("OAUTH_SLACK_CLIENT_SECRET", "s3cret")
    monkeypatch.setenv("OAUTH_GOOGLE_DRIVE_CLIENT_ID", "drive")
    monkeypatch.setenv("OAUTH_GOOGLE_DRIVE_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("OAUTH_RETURN_ORIGINS", "https://app.example.com")
    assert oauth_clients() == {"google_drive": ("drive", "from a file"), "slack": ("id", "s3cret")}


def test_more_scopes_are_found_by_the_names_of_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTH_GOOGLE_DRIVE_SCOPES", "https://www.googleapis.com/auth/drive  a")
    assert oauth_scopes() == {"google_drive": ("https://www.googleapis.com/auth/drive", "a")}


def test_half_an_oauth_client_is_kept_for_the_system_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTH_SLACK_CLIENT_ID", "id")
    monkeypatch.setenv("OAUTH_DISCORD_CLIENT_ID", "")
    monkeypatch.setenv("OAUTH_GITHUB_CLIENT_SECRET", "s")
    assert oauth_clients() == {"github": ("", "s"), "slack": ("id", "")}


def test_a_missing_file_of_an_oauth_secret_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTH_SLACK_CLIENT_SECRET_FILE", "/no/such/file")
    with pytest.raises(ImproperlyConfigured, match="OAUTH_SLACK_CLIENT_SECRET_FILE"):
        oauth_clients()

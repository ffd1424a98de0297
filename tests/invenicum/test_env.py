import os
import re
import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from invenicum.env import SECRETS, address, kept_secret, oauth_clients, oauth_scopes, refuse_unknown_files, secret

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.mark.parametrize(("content", "said"), [(b"\n", "the file is empty"), (b"\xff\xfe", "this is no text")])
def test_a_file_without_a_secret_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "url").write_bytes(content)
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
    with pytest.raises(ImproperlyConfigured, match=f"DATABASE_URL_FILE: {said}"):
        secret("DATABASE_URL")


def test_every_secret_of_the_documentation_can_be_a_file_and_no_other_variable() -> None:
    documented = re.findall(r"^\| `([A-Z_]+)` \*secret\* \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    assert set(documented) == SECRETS


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("DATABSE_URL_FILE", "did you mean DATABASE_URL_FILE?"),
        ("FERNET_KEY_FILE", "did you mean FERNET_KEYS_FILE?"),
        ("PUBLIC_URL_FILE", "Set PUBLIC_URL instead"),
        ("OAUTH_SLACK_SCOPES_FILE", "Set OAUTH_SLACK_SCOPES instead"),
    ],
)
def test_a_file_that_is_not_understood_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, said: str
) -> None:
    monkeypatch.setenv(variable, "/run/secrets/value")
    with pytest.raises(ImproperlyConfigured, match=re.escape(f"{variable} is not understood: ")) as refused:
        refuse_unknown_files(["PUBLIC_URL", "PORT"])
    assert said in str(refused.value)


def test_files_of_other_programs_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = (
        "SSL_CERT AWS_CONFIG AWS_WEB_IDENTITY_TOKEN AZURE_FEDERATED_TOKEN CELERY_LOG NIX_SSL_CERT GIT_INDEX PIP_CONFIG"
    )
    for name in [*foreign.split(), *SECRETS, "OAUTH_SLACK_CLIENT_SECRET", "OAUTH_SLACK_CLIENT_ID"]:
        monkeypatch.setenv(f"{name}_FILE", "/some/file")
    refuse_unknown_files(["PUBLIC_URL", "CELERY_BEAT_SCHEDULE", "LOGGING"])


def test_an_address_is_refused_without_its_password() -> None:
    assert address("BROKER", "redis+socket:///run/redis", ["redis"], "redis://host")
    for wrong in ("postgres://u:p4ss@host:port/x", "p4ss", "//u:p4ss@host", "http://[p4ss"):
        with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must be an address") as refused:
            address("DATABASE_URL", wrong, ["postgres"], "postgres://x")
        assert "p4ss" not in str(refused.value)

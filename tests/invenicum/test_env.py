import stat
from pathlib import Path

from invenicum.env import kept_secret


def test_a_kept_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret_key"
    secret = kept_secret(path)
    assert len(secret) >= 60
    assert kept_secret(path) == secret
    assert [entry.name for entry in path.parent.iterdir()] == ["secret_key"]
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent)]
    assert modes == [0o600, 0o700]  # the database beside it holds sessions

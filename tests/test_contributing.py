"""The map in CONTRIBUTING.md matches the repository."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
MAP = set(re.findall(r"`([\w./-]+/)`", "".join(re.findall(r"^\| `.*", GUIDE, re.MULTILINE))))
PACKAGES = ("invenicum", "integrations", "oauth_flows", "webhooks")
TOP_LEVEL = {"bench/", "clients/", "docs/", "requirements/", "templates/", "tests/"}


def rooms() -> set[str]:
    """Our packages, without those of the connectors and those that Django prescribes."""
    found = set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("__init__.py"):
            folder = file.parent.relative_to(ROOT)
            if not {"migrations", "management"} & set(folder.parts) and folder.parent.name != "connectors":
                found.add(f"{folder}/")
    return found


def test_every_package_is_on_the_map() -> None:
    assert (rooms() | TOP_LEVEL) - MAP == set()


def test_everything_on_the_map_exists() -> None:
    assert [name for name in sorted(MAP) if not (ROOT / name).is_dir()] == []


def test_every_file_that_the_guide_names_exists() -> None:
    named = set(re.findall(r"`((?:invenicum|integrations|oauth_flows|webhooks|docs|tests)/[\w./-]+\.\w+)`", GUIDE))
    named |= set(re.findall(r"\]\(([\w./-]+)\)", GUIDE))
    assert len(named) > 8
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []

"""The lock files agree: tests and benchmarks use the versions that run in production."""

import re
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).parent.parent / "requirements"
LOCKED = re.compile(
    r"^(?P<name>[\w.-]+)(?:\[.*?\])?==(?P<pin>[^\n\\]+)(?P<hashes>(?:\\\n +--hash=\S+ ?)+)", re.MULTILINE
)
HASH = re.compile(r"--hash=(\S+)")
DECLARED = re.compile(r"^\w[\w.-]*", re.MULTILINE)

Lock = tuple[str, str, frozenset[str]]  # name; version and marker; hashes


def locked(name: str) -> set[Lock]:
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    return {
        (canonicalize_name(match["name"]), match["pin"].strip(), frozenset(HASH.findall(match["hashes"])))
        for match in LOCKED.finditer(text)
    }


@pytest.mark.parametrize("name", ["base", "telemetry", "dev", "bench", "clients"])
def test_every_line_of_a_lock_file_is_pinned_with_hashes(name: str) -> None:
    lines = re.findall(r"^[^\s#].*$", (REQUIREMENTS / f"{name}.txt").read_text(), re.MULTILINE)
    assert len(lines) == len(locked(name)) > 10


@pytest.mark.parametrize(("smaller", "larger"), [("base", "dev"), ("telemetry", "dev"), ("dev", "bench")])
def test_each_lock_file_contains_the_one_before(smaller: str, larger: str) -> None:
    """Run `make lock` if this fails: `make bench` would start without a package, or measure another version."""
    missing_or_different = locked(smaller) - locked(larger)
    assert {name for name, _, _ in missing_or_different} == set()


def test_what_is_installed_beside_the_base_has_the_same_versions() -> None:
    base = {name: pin for name, pin, _ in locked("base")}
    assert {name for name, pin, _ in locked("telemetry") if base.get(name, pin) != pin} == set()


@pytest.mark.parametrize("name", ["base", "telemetry", "dev", "bench", "clients"])
def test_every_declared_package_is_locked(name: str) -> None:
    declared = DECLARED.findall((REQUIREMENTS / f"{name}.in").read_text())
    assert {canonicalize_name(requirement) for requirement in declared} - {name for name, _, _ in locked(name)} == set()

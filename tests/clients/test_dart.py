"""The Dart client parses as Dart and calls existing routes."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.waiting import WAIT_DEADLINE_SECONDS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients/dart"
SERVICE = (PACKAGE / "lib/src/integration_service.dart").read_text()
CALL = re.compile(r"""_call\('([A-Z]+)', '([^']+)'""")
METHOD = re.compile(r"^  Future<.*> ([a-z]\w+)\(", re.MULTILINE)


def read(python: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "tests.clients.dart_syntax", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WAIT_DEADLINE_SECONDS)


def test_every_source_and_every_example_is_dart(client_python: Path) -> None:
    answer = read(client_python, PACKAGE)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert int(answer.stdout.split()[0]) >= 7


@pytest.mark.parametrize(
    ("name", "text"), [("a.dart", "class A {\n  int f( => 1;\n}\n"), ("README.md", "```dart\nclass {}\n```\n")]
)
def test_what_is_no_dart_is_found(client_python: Path, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    answer = read(client_python, tmp_path)
    assert answer.returncode == 1
    assert name in answer.stdout


def test_every_call_has_a_route() -> None:
    document: dict[str, Any] = Client().get("/schema").json()
    routes = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    calls = {
        (method, "/api/v1" + path.replace("${_part(type)}", "{integration_type}"))
        for method, path in CALL.findall(SERVICE)
    }
    assert len(calls) == len(METHOD.findall(SERVICE))
    assert calls - routes == set()


def test_the_readme_has_a_line_for_every_method() -> None:
    listed = re.findall(r"^\| `(\w+)\(", (PACKAGE / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(METHOD.findall(SERVICE))

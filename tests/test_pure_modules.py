"""A module that calls itself pure can be imported without Django settings."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMPORT = """
import importlib, json, sys
from django.conf import settings

reasons = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception as error:
        reasons[name] = repr(error)
print(json.dumps({"reasons": reasons, "settings were loaded": settings.configured}))
"""


def pure_modules() -> list[str]:
    """The modules whose docstring says so, and those in packages that an import contract calls pure."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [contract] = [contract for contract in configuration["contracts"] if contract["name"].endswith("is pure")]
    packages = tuple(f"{name}." for name in contract["source_modules"])
    files = (path for package in configuration["root_packages"] for path in (ROOT / package).rglob("*.py"))
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in files}
    return sorted(name for name, path in names.items() if f"{name}.".startswith(packages) or says_that_it_is_pure(path))


def says_that_it_is_pure(path: Path) -> bool:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return re.search(r"\bpure\b", docstring, re.IGNORECASE) is not None


def imported_without_settings(names: list[str]) -> object:
    # Empty rather than absent: `invenicum.celery` fills in the name of our settings if there is none.
    env = os.environ | {"DJANGO_SETTINGS_MODULE": ""}
    child = subprocess.run(
        [sys.executable, "-c", IMPORT, *names], cwd=ROOT, env=env, stdout=subprocess.PIPE, check=True, timeout=60
    )
    return json.loads(child.stdout)


def test_a_pure_module_needs_no_settings() -> None:
    names = pure_modules()
    assert {"webhooks.engine.lanes", "invenicum.assets.documents", "integrations.core.http"} <= set(names)
    assert imported_without_settings(names) == {"reasons": {}, "settings were loaded": False}


def test_a_module_that_needs_settings_is_found() -> None:
    found = json.dumps(imported_without_settings(["webhooks.models"]))
    assert "settings are not configured" in found

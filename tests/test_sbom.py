"""The list of packages that CI makes, and that their licences are allowed."""

import json
import subprocess
import sys
from pathlib import Path

from tests.test_requirements import locked

ROOT = Path(__file__).parent.parent


def test_the_list_has_every_package_that_is_installed_with_an_allowed_licence(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "requirements/sbom.py", tmp_path / "sbom.json"], cwd=ROOT, capture_output=True, text=True
    )
    assert (made.returncode, made.stderr) == (0, "")
    bom = json.loads((tmp_path / "sbom.json").read_text())
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    names = {component["name"] for component in bom["components"]}
    everywhere = {name.partition("[")[0] for name, _, marker in locked("base") if not marker}
    assert everywhere <= names
    for component in bom["components"]:
        assert component["licenses"], component["name"]
        assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"
        assert component["hashes"]

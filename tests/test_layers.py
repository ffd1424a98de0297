"""The layer contract in pyproject.toml is complete: it does not check what it does not name."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def layers() -> set[str]:
    """Every module that the contract names: `{"webhooks", "invenicum.api", …}`."""
    settings: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    contract = next(contract for contract in settings["contracts"] if contract["type"] == "layers")
    return {module.strip() for layer in contract["layers"] for module in layer.split("|")}


def test_every_part_of_the_service_has_its_layer() -> None:
    project = {
        f"invenicum.{path.stem}"
        for path in (ROOT / "invenicum").iterdir()
        if path.stem != "__init__" and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert layers() == project | {"integrations", "oauth_flows", "webhooks"}

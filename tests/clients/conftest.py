import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = Path(os.environ.get("CLIENT_TOOLS") or ROOT / ".venv/clients")


@pytest.fixture(scope="session")
def client_python() -> Path:
    """The Python that has what `make client-python` and `make client-dart` install."""
    python = TOOLS / "bin/python"
    if not python.exists():
        if os.environ.get("REQUIRE_CLIENTS"):
            pytest.fail(f"{python} is required here and missing.")
        pytest.skip("The clients' tools are not here: `make client-python client-dart` installs them")
    return python

from pathlib import Path

import pytest

from tests.tools import tool

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def client_python() -> Path:
    """The Python that has what `make client-python` and `make client-dart` install."""
    return Path(tool("client tools"))

"""The connector of docs/adding-a-connector.md, read from the page and run."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from pytest_django import Settings

from integrations import registry
from integrations.documentation import render_page
from integrations.egress.curl import run_flow
from integrations.serializers import ConnectorSerializer
from tests.fakes.http_server import FakeServer, json_answer
from tests.flows import CREATED

PAGE = Path(settings.BASE_DIR, "docs", "adding-a-connector.md").read_text()
SOURCE, TESTS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CONFIG = {"topic": "warehouse", "token": "tk_" + "a" * 29}


@pytest.fixture
def ntfy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The connector, registered in memory during a test."""
    module = {"__name__": "integrations.connectors.ntfy"}
    exec(SOURCE, module)
    monkeypatch.setattr(registry, "CONNECTORS", (*registry.CONNECTORS, module["Ntfy"]))
    return module["Ntfy"]


def test_its_own_tests_pass(ntfy: Any) -> None:
    module = {"Ntfy": ntfy}
    exec(TESTS, module)
    tests = [value for name, value in module.items() if name.startswith("test_")]
    assert len(tests) == 3
    for test in tests:
        test()


def test_it_delivers_over_a_real_socket(ntfy: Any, settings: Settings) -> None:
    with FakeServer(lambda request: json_answer(200, {"role": "user"})) as server:
        settings.PROVIDER_ENDPOINTS = {"ntfy": {"apiUrl": server.url}}
        connector = registry.get("ntfy")
        config = connector.Config.parse(CONFIG)
        assert run_flow(connector.test(config)).message == "Successfully connected to ntfy topic warehouse"
        run_flow(connector.deliver(CREATED, config, 0))
        _, delivery = server.wait_for(2)
    assert delivery.json() == {"topic": "warehouse", "title": "Asset created", "message": "Product Photo.jpg"}
    assert delivery.headers["authorization"] == f"Bearer {CONFIG['token']}"


def test_the_catalog_the_form_and_the_docs_page_include_it(ntfy: Any) -> None:
    shown = ConnectorSerializer(registry.get("ntfy")).data
    assert shown["secretFields"] == ["token"]
    assert shown["configSchema"]["required"] == ["topic", "token"]
    assert shown["configSchema"]["properties"]["topic"]["pattern"] == "^[-_A-Za-z0-9]{1,64}$"
    assert "| `topic` | yes | The name of a topic |  | `warehouse` |" in render_page(ntfy())


def test_openapi_includes_it(tmp_path: Path) -> None:
    # In a process of its own, because the description of the API is made once, when its views are loaded.
    (tmp_path / "ntfy.py").write_text(SOURCE)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import django; django.setup()\n"
        "from integrations import registry; from ntfy import Ntfy\n"
        "registry.CONNECTORS = (*registry.CONNECTORS, Ntfy)\n"
        "from django.core.management import call_command; call_command('spectacular', format='openapi-json')\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=settings.BASE_DIR, capture_output=True, check=True)
    schemas = json.loads(ran.stdout)["components"]["schemas"]
    for request in (schemas["SaveIntegrationRequest"], schemas["TestIntegrationRequest"]):
        types = list(request["discriminator"]["mapping"])
        assert types == [connector.type for connector in registry.CONNECTORS] + ["ntfy"]
    assert schemas["SaveNtfyRequest"]["properties"]["config"] == {"$ref": "#/components/schemas/NtfyConfig"}
    assert schemas["NtfyConfig"]["required"] == ["topic", "token"]

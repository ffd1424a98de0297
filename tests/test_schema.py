"""The service does what its OpenAPI description says, whatever a caller sends."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from django.conf import settings as settings_of_django
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, settings
from pytest_django import Settings

from integrations.registry import CONNECTORS
from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from invenicum.wsgi import application

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "10"))


OFF = {"enabled": False}
CONFIG = schemathesis.Config.from_dict(
    {
        # Two rules that a schema cannot express: no text may contain NUL, and unknown query parameters are ignored.
        "generation": {"allow-x00": False, "allow-extra-parameters": False},
        "operations": [
            {
                # Whether a configuration will do depends on the secrets that are stored and on the service it names
                # too; and with a form for each connector, trying every edge of every form would take minutes.
                "include-path-regex": "^/api/v1/integrations(/test)?$",
                "checks": {"negative_data_rejection": OFF, "positive_data_acceptance": OFF},
                "phases": {"coverage": OFF},
            },
            {
                # A code works once, and which addresses an app may return to is the operator's setting.
                "include-path-regex": "^/api/v1/integrations/oauth/(confirm|start/.*)$",
                "checks": {"positive_data_acceptance": OFF},
            },
            {
                # An id of the right form may not be an event of the caller.
                "include-path": "/api/v1/events",
                "include-method": "GET",
                "checks": {"positive_data_acceptance": OFF},
            },
        ],
    }
)
schema = schemathesis.openapi.from_wsgi("/schema", application, config=CONFIG)


@pytest.fixture
def one_connection(db: None) -> Iterator[None]:
    """As Django's own test client does: the test's transaction lives on a connection that must stay open."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("one_connection")
@schema.parametrize()
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_keeps_its_description(case: schemathesis.Case[Any], alice: User, settings: Settings) -> None:
    settings.EGRESS_PROXY = "http://127.0.0.1:1"  # so that no test sends a request to a foreign server
    case.call_and_validate(headers={"Authorization": f"Bearer {issue_token(alice)}"})


def operations() -> Iterator[Any]:
    for address, methods in schema.raw_schema["paths"].items():
        for method, operation in methods.items():
            yield pytest.param(operation, id=f"{method.upper()} {address}")


@pytest.mark.parametrize("operation", list(operations()))
def test_every_operation_documents_its_errors_as_the_envelope(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    errors = {status: response for status, response in responses.items() if status >= "400"}
    assert {"500", "503"} <= errors.keys()
    assert {"401", "403"} <= errors.keys() or not operation["security"]
    assert {"400", "413", "415"} <= errors.keys() or "requestBody" not in operation
    for response in errors.values():
        assert response["description"]
        assert response["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}


def test_generated_clients_have_a_method_of_its_own_name_for_every_operation() -> None:
    names = [operation.values[0]["operationId"] for operation in operations()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch("[a-z]+([A-Z][a-z]+)*", name)] == []


@pytest.mark.parametrize("operation", list(operations()))
def test_every_operation_has_a_summary_and_names_its_scope(operation: dict[str, Any]) -> None:
    described = {tag["name"] for tag in schema.raw_schema["tags"] if tag["description"]}
    assert operation["summary"]
    assert operation["description"]
    assert set(operation["tags"]) <= described
    assert operation["security"] in ([{"bearer": []}], [{"bearer": []}, {}], [])


@pytest.mark.parametrize("operation", list(operations()))
def test_an_operation_that_answers_with_a_body_is_not_described_as_one_without(operation: dict[str, Any]) -> None:
    successes = {status: answer for status, answer in operation["responses"].items() if status < "300"}
    hook = operation["operationId"].startswith("receiveHook")  # Discord wants a 204
    assert hook or all("content" in answer for answer in successes.values())


def test_a_change_has_no_defaults_for_omitted_fields() -> None:
    fields = schema.raw_schema["components"]["schemas"]["AssetChangesRequest"]["properties"]
    assert fields.keys() == {"name", "category", "tags", "url"}
    assert not any("default" in field for field in fields.values())


@pytest.mark.parametrize("verb", ["Save", "Test"])
def test_each_connectors_configuration_is_a_schema_that_the_type_chooses(verb: str) -> None:
    schemas = schema.raw_schema["components"]["schemas"]
    chooser = schemas[f"{verb}IntegrationRequest"]["discriminator"]
    assert chooser["propertyName"] == "type"
    assert list(chooser["mapping"]) == [connector.type for connector in CONNECTORS]
    slack = schemas[chooser["mapping"]["slack"].removeprefix("#/components/schemas/")]
    assert slack["properties"]["type"] == {"type": "string", "const": "slack"}
    assert slack["properties"]["config"] == {"$ref": "#/components/schemas/SlackConfig"}
    assert schemas["SlackConfig"]["required"] == ["webhookUrl", "channel"]


def parts(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each JSON object of the document, with its place in it."""
    if isinstance(value, dict):
        yield path, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield from parts(child, f"{path}/{name}")


def test_the_document_has_nothing_that_generators_do_not_support() -> None:
    found = list(parts(schema.raw_schema))
    constants = [part["const"] for _, part in found if "const" in part]
    assert constants
    assert [constant for constant in constants if not isinstance(constant, str)] == []
    defaults = [(path, part["default"]) for path, part in found if "default" in part and "responses" not in path]
    assert [path for path, default in defaults if default is None or isinstance(default, list | dict)] == []


def test_every_choice_has_a_name_of_its_own() -> None:
    schemas = schema.raw_schema["components"]["schemas"]
    assert [name for name in schemas if name.endswith("Enum")] == []
    assert schemas["DeliveryStatus"]["enum"] == ["pending", "delivered", "failed", "cancelled"]
    nullable = schemas["Attempt"]["properties"]["errorClass"]
    assert nullable == {"oneOf": [{"$ref": "#/components/schemas/AttemptErrorClass"}, {"type": "null"}]}
    # A connector's own choices are named after their place by each generator, for example WebhookConfigMethod.
    nameless = [path for path, part in parts(schemas) if "enum" in part and path.count("/") > 1]
    assert [path for path in nameless if not path.split("/")[1].endswith("Config")] == []


def test_every_time_has_the_format_date_time() -> None:
    times = re.compile("(At|Until|Since|since|until|timestamp|lastSync|oldestPending)$")
    fields = [(path, part) for path, part in parts(schema.raw_schema["components"]["schemas"]) if times.search(path)]
    assert len(fields) > 15
    assert [path for path, field in fields if field.get("format") != "date-time"] == []


def test_it_names_the_servers_address_and_the_licence() -> None:
    assert [server["url"] for server in schema.raw_schema["servers"]] == [settings_of_django.PUBLIC_URL]
    info = schema.raw_schema["info"]
    assert info["description"]
    assert info["license"]["identifier"] == "Apache-2.0"
    assert "contact" not in info


def test_the_library_that_writes_it_warns_of_nothing(tmp_path: Path) -> None:
    call_command("spectacular", fail_on_warn=True, validate=True, file=str(tmp_path / "openapi.yaml"))
    assert yaml.safe_load((tmp_path / "openapi.yaml").read_text()) == schema.raw_schema


def test_the_description_comes_as_json_and_as_yaml() -> None:
    plain, asked = Client().get("/schema"), Client().get("/schema", headers={"Accept": "application/yaml"})
    assert plain["Content-Type"] == "application/json"
    assert asked["Content-Type"].startswith("application/yaml")
    assert plain.json()["openapi"] == "3.1.0"
    assert plain.json() == yaml.safe_load(asked.content)


def test_the_description_holds_each_route_once_and_names_the_token() -> None:
    document = Client().get("/schema").json()
    assert "/api/v1/assets" in document["paths"]
    assert "/assets" not in document["paths"]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_the_root_address_redirects_to_the_page() -> None:
    assert Client().get("/")["Location"] == "/docs"


def test_the_page_loads_nothing_from_elsewhere() -> None:
    page = Client().get("/docs").content.decode()
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources
    assert all(source.startswith(("/static/", "/docs?script=")) for source in sources)
    assert "//" not in re.sub(r"^\s*//.*$", "", page, flags=re.MULTILINE).replace("http://www.w3.org/2000/svg", "")

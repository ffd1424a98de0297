"""The service does what its OpenAPI description says, whatever a caller sends."""

import os
from collections.abc import Iterator

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings

from invenicum.api.tokens import issue_token
from invenicum.wsgi import application

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "10"))


schema = schemathesis.openapi.from_wsgi("/schema", application)
# Two things that a schema cannot say: no text may hold NUL, and unknown query parameters are ignored.
schema.config.generation.allow_x00 = False
schema.config.generation.allow_extra_parameters = False


@pytest.fixture(autouse=True)
def one_connection(db: None) -> Iterator[None]:
    """As Django's own test client does: the test's transaction lives on a connection that must stay open."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@schema.parametrize()
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_keeps_its_description(case: schemathesis.Case, alice: User) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {issue_token(alice)}"})

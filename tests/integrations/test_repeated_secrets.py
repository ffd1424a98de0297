"""A service that repeats the credentials it was sent: no message of ours shows them."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from pytest_django import Settings

from integrations.connectors.webhook import Webhook
from integrations.core.config import ConnectorConfig
from integrations.core.connector import TestResult
from integrations.core.errors import InvalidConfig
from integrations.core.http import Flow
from integrations.models import ProviderJob
from integrations.registry import CONNECTORS
from integrations.services import delete_integration, save_integration
from invenicum.accounts.models import User
from tests.api_client import Api
from tests.fakes.http_server import FakeServer, Received, json_answer
from tests.jobs import run_provider_jobs

KEY = "ghp_0123456789abcdef"
GITHUB = {"apiKey": KEY, "organization": "my-org", "repository": "asset-repo", "webhookUrl": "https://me.example/hook"}


@pytest.fixture
def github(settings: Settings) -> Iterator[FakeServer]:
    """A GitHub that answers errors with the credentials in them."""

    def answer(request: Received) -> Any:
        return json_answer(422, {"message": f"bad: {request.headers.get('authorization')}"})

    with FakeServer(answer) as fake:
        settings.PROVIDER_ENDPOINTS = {"github": {"apiUrl": fake.url}}
        yield fake


def test_the_error_of_a_connection_test(alice: User, api: Api, github: FakeServer) -> None:
    answer = api(alice).post("/api/v1/integrations/test", {"type": "github", "config": GITHUB})
    assert answer.status_code == 400
    assert "bad: " in answer.json()["message"]
    assert KEY not in answer.content.decode()


def test_the_error_of_a_hook(alice: User, api: Api, github: FakeServer) -> None:
    integration = save_integration(alice, "github", GITHUB).integration
    run_provider_jobs()
    integration.refresh_from_db()
    job = ProviderJob.objects.get()
    for shown in (integration.hook_error, integration.status_reason, job.last_error):
        assert "bad: " in shown
        assert KEY not in shown
    integration.remote_state = {"hookId": "7"}
    integration.save()
    delete_integration(alice, "github")
    run_provider_jobs()
    removal = ProviderJob.objects.get(kind=ProviderJob.Kind.DELETE)
    assert removal.last_error
    assert KEY not in removal.last_error


class Repeating(Webhook):
    """Its answers, good or bad, repeat the signing secret."""

    def __init__(self, error: bool) -> None:
        super().__init__()
        self.error = error

    def test(self, config: Any) -> Flow[TestResult]:
        yield from ()
        secret = config.secret.get_secret_value()
        if self.error:
            raise InvalidConfig(f"Not {secret}", {"secret": [f"is {secret}"]})
        return TestResult(f"With {secret}", {"account": secret, "lists": [{"inner": secret}], "count": 3})


@pytest.mark.parametrize("error", [True, False])
def test_every_part_of_an_answer(error: bool, alice: User, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.registry.get", lambda _: Repeating(error))
    secret = "whsec_c2VjcmV0LXRoYXQtaXMtMzItYnl0ZXMtbG9uZyEh"
    values = {"url": "https://me.example/hook", "secret": secret}
    answer = api(alice).post("/api/v1/integrations/test", {"type": "webhook", "config": values})
    assert answer.status_code == (400 if error else 200), answer.content
    assert secret not in answer.content.decode()
    assert "[hidden]" in answer.content.decode()


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda connector: connector.type)
def test_every_secret_of_every_connector_is_known(connector: Any) -> None:
    config: type[ConnectorConfig] = connector.Config
    facts = [fact for fact in config.facts() if fact.secret]
    values: dict[str, Any] = {fact.name: SecretStr(fact.name) for fact in facts}
    values |= {fact.name: {"header": SecretStr(fact.name)} for fact in facts if fact.mapping}
    filled = config.model_construct(**values)
    assert sorted(filled.secret_texts()) == sorted(fact.name for fact in facts)

"""How often one account can change what it has connected."""

import pytest

from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.api.throttling import SaveThrottle
from tests.api_client import Api

ROUTE = "/api/v1/integrations"
WEBHOOK = {"type": "webhook", "config": {"url": "https://example.com/hook"}}


def test_changes_above_the_limit_are_refused_with_a_time_to_wait_and_change_nothing(
    alice: User, bob: User, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SaveThrottle, "rate", "3/min", raising=False)
    client = api(alice)
    assert client.post(ROUTE, WEBHOOK).status_code == 200
    assert client.patch(f"{ROUTE}/webhook", {"isActive": False}).status_code == 200
    assert client.post(f"{ROUTE}/webhook/secret/rotate").status_code == 200
    refused = client.delete(f"{ROUTE}/webhook")
    assert (refused.status_code, refused.json()["error"]) == (429, "RATE_LIMITED")
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert client.post(ROUTE, WEBHOOK).status_code == 429
    assert Integration.objects.live().get().status == Integration.Status.PAUSED
    assert client.get(f"{ROUTE}/webhook").status_code == 200, "reading is not limited"
    assert api(bob).post(ROUTE, WEBHOOK).status_code == 200, "each account has a limit of its own"


def test_the_rate_comes_from_the_settings() -> None:
    assert SaveThrottle().rate == "60/min"

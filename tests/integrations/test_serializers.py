"""The order of the keys in answers: that of the specification's examples."""

import json
from typing import Any

import pytest

from integrations import registry
from integrations.models import Integration
from invenicum.accounts.models import User
from tests.integrations.connectors.examples import EXAMPLES


def test_the_specifications_keys_come_first_in_its_order(api: Any, alice: User) -> None:
    api(alice).post("/integrations", {"type": "github", "config": EXAMPLES["github"]})
    answer = json.loads(api(alice).get("/integrations/github").content)["data"]
    assert list(answer)[:5] == ["type", "config", "isActive", "createdAt", "lastSync"]
    assert list(answer)[5:] == ["status", "statusReason", "account", "inboundUrl", "secrets"]


@pytest.mark.parametrize("integration_type", ["github", "s3", "slack", "webhook"])
def test_a_configuration_is_shown_in_the_order_of_its_declaration(api: Any, alice: User, integration_type: str) -> None:
    values = dict(reversed(EXAMPLES[integration_type].items()))
    assert api(alice).post("/integrations", {"type": integration_type, "config": values}).status_code == 200
    stored = Integration.objects.get()
    stored.config = dict(sorted(stored.config.items(), key=lambda item: (len(item[0]), item[0])))  # as jsonb does
    stored.save()
    shown = json.loads(api(alice).get(f"/integrations/{integration_type}").content)["data"]["config"]
    declared = [fact.alias for fact in registry.get(integration_type).Config.facts()]
    assert list(shown) == [alias for alias in declared if alias in shown]
    assert shown == stored.config

from typing import Any

import pytest

from integrations.models import Integration
from invenicum.accounts.models import User

WEBHOOK = {"url": "https://a.example/hook", "secret": "the-first-secret-of-alice"}


@pytest.fixture
def rotated(api: Any, alice: User) -> Any:
    client = api(alice)
    client.post("/integrations", {"type": "webhook", "config": WEBHOOK})
    client.post("/integrations/webhook/secret/rotate")
    return client


@pytest.mark.parametrize("secret", ["", None])
def test_saving_without_a_secret_continues_the_rotation_unless_it_is_erased(rotated: Any, secret: str | None) -> None:
    before = Integration.objects.get().secrets
    rotated.post("/integrations", {"type": "webhook", "config": {**WEBHOOK, "secret": secret}})
    after = Integration.objects.get().secrets
    assert before["previousSecret"] == WEBHOOK["secret"]
    assert after == before if secret == "" else set(after) == {"secret"}


def test_a_secret_chosen_by_its_owner_signs_at_once(rotated: Any) -> None:
    rotated.post("/integrations", {"type": "webhook", "config": {**WEBHOOK, "secret": "the-second-secret-of-alice"}})
    assert Integration.objects.get().secrets == {"secret": "the-second-secret-of-alice"}

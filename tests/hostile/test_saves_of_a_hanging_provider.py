"""One account saves, once a second, an integration whose provider never answers."""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest

from integrations.models import ProviderJob
from integrations.services import save_integration
from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from tests.fakes.gitlab import TOKEN, FakeGitLab
from tests.fakes.http_server import FakeServer, hang
from tests.hostile.conftest import Stack
from tests.hostile.neighbour import Neighbour, assert_unharmed
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.hostile

SAVE_INTERVAL_SECONDS = 0.25
GITLAB: dict[str, Any] = {
    "apiKey": TOKEN,
    "project": "my-group/asset-repo",
    "webhookUrl": "https://api.invenicum.com/webhooks/gitlab",
}


class Saver:
    """Saves the owner's GitLab integration again and again while its `with` block runs. Counts the answers."""

    def __init__(self, owner: User, port: int, url: str) -> None:
        self.statuses: Counter[int] = Counter()
        self._port = port
        self._body = json.dumps({"type": "gitlab", "config": {**GITLAB, "baseUrl": url}})
        self._token = issue_token(owner, ["integrations:write"])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._save)

    def __enter__(self) -> Saver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(WAIT_DEADLINE_SECONDS)

    def _save(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=WAIT_DEADLINE_SECONDS)) as client:
            while not self._stop.wait(SAVE_INTERVAL_SECONDS):
                client.request("POST", "/integrations", self._body, headers)
                answer = client.getresponse()
                answer.read()
                self.statuses[answer.status] += 1


def test_saves_of_an_integration_whose_provider_hangs_delay_no_other_account(
    stack: Stack, neighbour: Neighbour, alice: User, bob: User
) -> None:
    quiet = neighbour.measure()
    with FakeServer(lambda _: hang) as hanging, FakeGitLab() as gitlab:
        with Saver(alice, stack.port, hanging.url) as saver:
            hanging.wait_for(1)
            attacked = neighbour.measure()
            save_integration(bob, "gitlab", {**GITLAB, "baseUrl": gitlab.url})
            wait_until(lambda: gitlab.hooks, "the neighbour's hook is registered")
            assert stack.health_seconds() < 2
        assert_unharmed(attacked, quiet)
        assert saver.statuses[200] > 0
        assert set(saver.statuses) <= {200, 429}
        assert ProviderJob.objects.filter(owner_id=alice.pk).count() == 1, "saves that follow each other are one job"

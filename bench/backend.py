"""A backend that publishes for its users over HTTP, one event or a batch a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import uuid4

from bench import load, seed
from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token

BATCH_EVENTS = 1000
NUMBER, KEY = "?" * 8, "!" * 32  # in a template; of the length of what takes their place


class Backend:
    """Makes requests with one service token for `owners` (keys of users) in turn, each with an Idempotency-Key."""

    def __init__(self, owners: list[int]):
        users = User.objects.in_bulk(owners)
        self._public_ids = [users[owner].public_id for owner in owners]
        service = User.objects.create_user(f"backend-{uuid4().hex}")
        self.token = issue_token(service, ["events:write", "events:publish-any"])

    def single(self) -> Callable[[int], bytes]:
        """Requests with one event each, from a template for each owner: making them must cost the load little."""
        templates = []
        for place in range(len(self._public_ids)):
            event = json.dumps(self._event(place)).replace(f"asset-{place}", f"asset-{NUMBER}")
            templates.append(load.post("/api/v1/events", self.token, event.encode(), idempotency_key=KEY))

        def request(number: int) -> bytes:
            template = templates[number % len(templates)]
            numbered = template.replace(NUMBER.encode(), b"%08d" % number)
            return numbered.replace(KEY.encode(), uuid4().hex.encode())

        return request

    def batches(self) -> Callable[[int], bytes]:
        """Requests with BATCH_EVENTS events each."""

        def request(number: int) -> bytes:
            first = number * BATCH_EVENTS
            events = [self._event(first + place) for place in range(BATCH_EVENTS)]
            return load.post("/api/v1/events", self.token, json.dumps({"events": events}).encode(), **self._key())

        return request

    def _event(self, number: int) -> dict[str, object]:
        draft = seed.draft(0, number)
        owner = self._public_ids[number % len(self._public_ids)]
        return {"event": draft.name, "data": draft.data | {"createdBy": owner}, "owner": owner}

    def _key(self) -> dict[str, str]:
        return {"idempotency_key": uuid4().hex}

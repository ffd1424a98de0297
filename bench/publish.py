"""The cost of publishing: one event, many at once, and a change of an asset through the API."""

import json
import statistics
import time
from collections.abc import Callable, Sequence

from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import seed
from bench.shapes import Result, Size, Table, Target
from bench.stand import Stand
from integrations.models import Integration
from integrations.registry import CONNECTORS
from invenicum.accounts.models import User
from invenicum.accounts.tokens import issue_token
from invenicum.events.publish import publish_many
from webhooks.models import Lane

INTEGRATIONS = (0, 1, 12)
TARGET_MS = 2.0


def run(stand: Stand, size: Size) -> Result:
    times = size.of(50, 500, 2000)
    owners = {count: _owner(f"owner-of-{count}", count) for count in INTEGRATIONS}
    crowd = {count: [_owner(f"one-of-100-{count}-{n}", count) for n in range(100)] for count in (1, 12)}
    alone = Table("Publishing in its own transaction", ["", "median ms", "statements"])
    for count, owner in owners.items():
        alone.rows.append([f"one event, {count} integrations", *_measure(lambda owner=owner: _publish([owner]), times)])
    for count, many in crowd.items():
        thousand = many * 10
        title = f"1,000 events of 100 owners, {count} integrations each"
        alone.rows.append([title, *_measure(lambda thousand=thousand: _publish(thousand), max(times // 25, 3))])
    saved = Table(
        "An asset through the API, median ms",
        ["", *(f"{count} integrations" for count in INTEGRATIONS), "outbox of 12"],
    )
    callers = {count: _Caller(owner) for count, owner in owners.items()}
    outboxes = []
    for title in ("created", "changed"):
        # Alternating, so that other load on the machine affects all alike.
        taken: dict[int, list[float]] = {count: [] for count in INTEGRATIONS}
        for _ in range(times):
            for count, caller in callers.items():
                taken[count].append(_clock(getattr(caller, title)))
        medians = [statistics.median(taken[count]) for count in INTEGRATIONS]
        outboxes.append(medians[-1] - medians[0])
        saved.rows.append([title, *medians, outboxes[-1]])
    whole = _outbox(owners[12], times)
    saved.rows.append(["event and deliveries written, inside the transaction", "", "", "", whole])
    statements = {row[2] for row in alone.rows[1:]}
    return Result(
        tables=[alone, saved],
        targets=[
            Target(
                "Statements of a publication, for any number of events and integrations",
                "always the same",
                " or ".join(f"{number:.0f}" for number in sorted(statements)),
                len(statements) == 1,
            ),
            Target(
                "Cost of 12 integrations for an asset saved through the API, median",
                f"≤ {TARGET_MS:.0f} ms",
                f"{max(outboxes):.2f} ms; with the event itself {whole:.2f} ms",
                max(outboxes) <= TARGET_MS,
            ),
        ],
    )


class _Caller:
    """A user of the API."""

    def __init__(self, owner: int):
        token = issue_token(User.objects.get(pk=owner))
        self._client = Client(headers={"authorization": f"Bearer {token}", "host": "localhost"})
        self._number = 0
        self.created()

    def created(self) -> None:
        body = {"name": "Product Photo.jpg", "category": "Images", "tags": ["draft"]}
        answer = self._client.post("/api/v1/assets", json.dumps(body), content_type="application/json")
        assert answer.status_code == 201, answer.content
        self._asset = answer.json()["data"]["assetId"]

    def changed(self) -> None:
        self._number += 1
        body = json.dumps({"name": f"Hero Image {self._number}.jpg"})
        answer = self._client.patch(f"/api/v1/assets/{self._asset}", body, content_type="application/json")
        assert answer.status_code == 200, answer.content


def _owner(name: str, integrations: int) -> int:
    user = User.objects.create(username=name)
    for connector in CONNECTORS[:integrations]:
        integration = Integration.objects.create(owner=user, type=connector.type, subscriptions=["asset.*"])
        Lane.objects.get_or_create(integration=integration)
    return user.pk


def _publish(owners: Sequence[int]) -> None:
    publish_many(seed.draft(owner, number) for number, owner in enumerate(owners))


def _measure(act: Callable[[], None], times: int) -> tuple[float, float]:
    """The median milliseconds, and the number of statements without BEGIN and COMMIT."""
    median = statistics.median(_clock(act) for _ in range(times))
    with CaptureQueriesContext(
        connection,
    ) as statements:
        act()
    return median, len([one for one in statements if not one["sql"].startswith(("BEGIN", "COMMIT"))])


def _outbox(owner: int, times: int) -> float:
    """Milliseconds that publishing adds to a transaction, the median."""
    taken = []
    for _ in range(times):
        with transaction.atomic():
            taken.append(_clock(lambda: _publish([owner])))
    return statistics.median(taken)


def _clock(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000

"""How long each page of the portal takes if its user has a million deliveries, and the console's beside them."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection
from urllib.parse import urlencode
from uuid import UUID

from django.db import connection
from django.urls import URLPattern
from django.utils import timezone

from bench import console_pages, seed
from bench.shapes import Chart, Result, Size, Table, Target
from bench.stand import Stand
from integrations.models import Integration
from integrations.services import save_integration
from invenicum.accounts import portal_sessions
from invenicum.accounts.lookups import find_token
from invenicum.accounts.models import User
from invenicum.accounts.scopes import USER_SCOPES
from invenicum.accounts.tokens import holder_of, issue_token
from invenicum.assets.services import create_asset
from invenicum.events.models import Event
from invenicum.ids import first_id_at
from invenicum.portal import urls
from webhooks.models import Delivery, HourlySum, Replay

WANTED_MS = 300
TIMES, QUICK_TIMES = 15, 5  # each page; the first ones are not counted
WARM_UP, QUICK_WARM_UP = 3, 1
ASSETS = 5_000
INTEGRATIONS: dict[str, dict[str, object]] = {
    "webhook": {"url": "http://127.0.0.1:1024/hook"},
    "slack": {"webhookUrl": "https://hooks.slack.com/services/T00000000/B00000000/" + "X" * 24, "channel": "#assets"},
    "s3": {
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "secretAccessKey": "secret",
        "region": "eu-west-1",
        "bucket": "assets",
    },
    "mixpanel": {"projectToken": "0" * 32},
}
# Of a thousand deliveries: 20 failed, 10 were cancelled, 10 are retried, the others were delivered.
ENDED = """
UPDATE webhooks_delivery
   SET status = CASE WHEN n < 20 THEN 'failed' WHEN n < 30 THEN 'cancelled' WHEN n < 40 THEN 'pending'
                     ELSE 'delivered' END,
       due_at = CASE WHEN n BETWEEN 30 AND 39 THEN now() + interval '1 hour' END,
       error = CASE WHEN n < 40 THEN 'The endpoint answered HTTP 503.' ELSE '' END,
       error_class = CASE WHEN n < 40 THEN 'http' ELSE '' END,
       attempt_count = CASE WHEN n < 40 THEN 3 ELSE 1 END,
       finished_at = CASE WHEN n NOT BETWEEN 30 AND 39 THEN now() END
  FROM (SELECT id AS of, (('x' || right(id::text, 6))::bit(24)::int) % 1000 AS n FROM webhooks_delivery) AS drawn
 WHERE id = drawn.of
"""
ATTEMPTS = """
INSERT INTO webhooks_attempt (delivery_id, started_at, duration_ms, status_code, error_class, error, response_excerpt)
SELECT id, created_at, 87, CASE error_class WHEN '' THEN 200 ELSE 503 END, error_class, error, 'ok'
  FROM webhooks_delivery
"""
# A replay of all deliveries to the webhook.
REPLAYED = "UPDATE webhooks_delivery SET replay_id = %s WHERE integration_id = %s"
LATE: dict[str, object] = {"webhookUrl": "https://discord.com/api/webhooks/123456789012345678/" + "x" * 68}
QUERIES = {
    "portal-services": ["q=chat"],
    "portal-deliveries": [
        "state=failed",
        "state=on_its_way",
        "state=retrying",
        "state=held",
        "type=slack",
        "type=slack&state=failed",
        "error=http",
        "error=dns",
        "event=asset.created",
        "event=asset.deleted",
        "asset=asset-17",
        "since=2020-01-01T00:00&until=2020-01-02T00:00",
        "cursor={middle}",
        "state=delivered&cursor={middle}",
    ],
    "portal-retry-all": ["state=failed", "state=delivered", "event=asset.deleted"],
    "portal-delivery": ["state=failed", "event=asset.deleted"],
    "portal-events": ["cursor={middle_event}", "find=asset-17"],
    "portal-send-again": ["count=1&what=again&status=delivered"],
}


def run(stand: Stand, size: Size) -> Result:
    deliveries = size.of(40_000, 1_000_000, 1_000_000)
    user = _fill(deliveries)
    pages = list(_pages(user))
    port = stand.web()
    cookie = _open(port, user)
    ask = partial(_ask, *size.of((QUICK_WARM_UP, QUICK_TIMES), (WARM_UP, TIMES), (WARM_UP, TIMES)))
    table = Table(f"A user with {deliveries:,} deliveries", ["page", "ms p50", "ms longest", "KiB"])
    medians: dict[str, float] = {}
    for path in pages:
        took, length = ask(port, path, cookie)
        if took:
            medians[path] = statistics.median(took)
            table.rows.append([_short(path), medians[path], max(took), length / 1024])
    slowest = max(medians, key=lambda path: medians[path])
    console, console_targets = console_pages.measure(port, ask)
    return Result(
        tables=[table, console],
        targets=[
            Target(
                f"The slowest page ({_short(slowest)}), median",
                f"≤ {WANTED_MS} ms",
                f"{medians[slowest]:.0f} ms",
                medians[slowest] <= WANTED_MS,
            ),
            *console_targets,
        ],
        charts=[Chart("Pages of the portal, median", "ms", {_short(path): took for path, took in medians.items()})],
    )


def _fill(deliveries: int) -> User:
    """A user with integrations, and with events about ASSETS assets in turn that went to all of them."""
    user = User.objects.create_user("alice", "alice@example.com")
    for integration_type, values in INTEGRATIONS.items():
        save_integration(user, integration_type, values)
    create_asset(user, {"name": "Product Photo.jpg", "asset_id": "asset-17"})
    for _ in range(deliveries // len(INTEGRATIONS) // ASSETS):
        seed.fill([user.pk], ASSETS)
    with connection.cursor() as cursor:
        cursor.execute(ENDED)
        cursor.execute(ATTEMPTS)
        cursor.execute(REPLAYED, _replay(user))
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    HourlySum.objects.bulk_create(
        HourlySum(integration=integration, hour=now - timedelta(hours=ago), failed=40, within_100_ms=9_000, slower=60)
        for integration in Integration.objects.all()
        for ago in range(24)
    )
    save_integration(user, "discord", LATE)  # it has missed all events
    seed.settle()
    return user


def _replay(user: User) -> tuple[UUID, UUID]:
    """The ids of a replay of the webhook, and of the webhook."""
    integration = Integration.objects.get(owner=user, type="webhook")
    total = Delivery.objects.filter(integration=integration).count()
    since, now = timezone.now() - timedelta(days=1), timezone.now()
    replay = Replay.objects.create(
        owner=user,
        integration=integration,
        since=since,
        until=now,
        total=total,
        queued=total,
        last_id=first_id_at(since),
        finished_at=now,
    )
    return replay.pk, integration.pk


def _pages(user: User) -> Iterator[str]:
    """The address of each page that can be looked at, with the filters that cost most."""
    mine = Delivery.objects.filter(owner=user)
    count, events = mine.count(), Event.objects.filter(owner=user)
    middle = mine.order_by("-id").values_list("pk", flat=True)[count // 2]
    middle_event = events.order_by("-id").values_list("pk", flat=True)[events.count() // 2]
    delivery = mine.filter(integration__type="webhook").order_by("-id").first()
    assert delivery is not None
    parts = {
        "integration_type": "webhook",
        "delivery_id": delivery.public_id,
        "event_id": delivery.event.public_id,
        "asset_id": "asset-17",
        "replay_id": Replay.objects.get(owner=user).public_id,
    }
    places = {"middle": f"n{middle.hex}", "middle_event": f"n{middle_event.hex}"}
    for pattern in urls.urlpatterns:
        if not isinstance(pattern, URLPattern):
            continue
        names = re.findall(r"<\w+:(\w+)>", str(pattern.pattern))
        if all(name in parts for name in names):
            path = "/portal" + re.sub(r"<\w+:(\w+)>", lambda found: parts[found[1]], str(pattern.pattern))
            yield path
            for query in QUERIES.get(pattern.name or "", ()):
                yield f"{path}?{query.format(**places)}"
    yield "/portal/services/discord/send-again?count=1&what=missed"


def _open(port: int, user: User) -> str:
    """The cookie of a session of the user."""
    row = find_token(issue_token(user, USER_SCOPES))
    holder = holder_of(row) if row else None
    assert holder is not None
    code = portal_sessions.create_link(user, holder[1], portal_sessions.LinkOptions()).url.partition("#")[2]
    link = HTTPConnection("127.0.0.1", port, timeout=60)
    link.request(
        "POST", "/portal/open", urlencode({"code": code}), {"Content-Type": "application/x-www-form-urlencoded"}
    )
    answer = link.getresponse()
    assert answer.status == 303, answer.status
    return str(answer.headers["Set-Cookie"]).partition(";")[0]


def _ask(warm_up: int, times: int, port: int, path: str, cookie: str) -> tuple[list[float], int]:
    """How many milliseconds the answers took, and their bytes. Nothing for what is no page: a form's address."""
    link, took, body = HTTPConnection("127.0.0.1", port, timeout=60), list[float](), b""
    for _ in range(warm_up + times):
        began = time.perf_counter()
        link.request("GET", path, headers={"Cookie": cookie, "Accept": "text/html"})
        answer = link.getresponse()
        body = answer.read()
        took.append((time.perf_counter() - began) * 1000)
        if answer.status in (302, 303, 405):
            return [], 0
        assert answer.status == 200, (path, answer.status)
    link.close()
    return took[warm_up:], len(body)


def _short(path: str) -> str:
    """The address with its ids cut off."""
    return re.sub(r"(evt_|dlv_|rpl_|=n)[0-9a-f]{32}", r"\1…", path)

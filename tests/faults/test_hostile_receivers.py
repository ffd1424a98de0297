"""Every kind of bad receiver at once, with a healthy one among them, through a process of its own."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.utils import timezone

from invenicum.accounts.models import User
from tests.factories import connect_webhook
from tests.fakes.certificates import Authority
from tests.fakes.http_server import Answer, FakeServer, hang, reset, stream
from tests.faults.conftest import Receiver, all_delivered, counts, on_postgresql, publish
from tests.processes import Process, deliver, engine_process, environment
from tests.services import free_port
from tests.waiting import wait_until
from webhooks.models import Attempt, Delivery, EngineHeartbeat, Lane

pytestmark = [pytest.mark.django_db(transaction=True), on_postgresql]

Status = Delivery.Status
MIB = 1024 * 1024
EACH = 2
HEALTHY = 300


def drip() -> Iterator[bytes]:
    return (bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")


def ten_gigabytes() -> Iterator[bytes]:
    start = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 10000000000\r\n\r\n"
    return itertools.chain([start], itertools.repeat(b"x" * MIB, 10_000))


# What a receiver does → the error class in the delivery log; empty if the request counts as accepted.
HOSTILE: dict[str, tuple[Answer | str, str]] = {
    "hangs": (hang, "timeout"),
    "drips": (lambda connection: stream(drip(), 1.0)(connection), "timeout"),
    "resets": (reset, "reset"),
    "redirects": ("redirect", "http"),
    "is busy": ((429, {"Retry-After": "600"}, b""), "http"),
    "sends ten gigabytes": (lambda connection: stream(ten_gigabytes())(connection), "http"),
    "sends a bomb": ((200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(50 * MIB))), ""),
    "sends a megabyte of headers": (b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 100_000 + b"\r\n", "reset"),
}
ELSEWHERE = {"is signed by an unknown authority": "tls", "refuses": "refused", "does not resolve": "dns"}


def most_memory(process: Process) -> int:
    """Its peak memory, in MiB."""
    lines = Path(f"/proc/{engine_process(process)}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def test_bad_receivers_do_not_delay_a_healthy_one_and_get_everything_when_they_recover(
    alice: User, receiver: Receiver, tmp_path: Path
) -> None:
    receivers = {name: Receiver() for name in HOSTILE}
    target = Receiver()
    env = environment(DELIVERY_TIMEOUT="4", RETRY_SCHEDULE="0,600,600")
    with ExitStack() as running:
        elsewhere = running.enter_context(FakeServer(target))
        for name, (answer, _) in HOSTILE.items():
            receivers[name].answer = (302, {"Location": elsewhere.url}, b"") if isinstance(answer, str) else answer
        urls = {name: running.enter_context(FakeServer(receivers[name])).url for name in HOSTILE}
        context = Authority(tmp_path).server("127.0.0.1")
        urls["is signed by an unknown authority"] = running.enter_context(FakeServer(target, tls=context)).url
        urls["refuses"] = f"http://127.0.0.1:{free_port()}"
        urls["does not resolve"] = "http://no-such-host.invalid"
        owners = {name: User.objects.create_user(name) for name in urls}
        process = running.enter_context(deliver(env, tmp_path / "deliver.log"))
        wait_until(EngineHeartbeat.objects.exists, "the worker looks for work")
        before = most_memory(process)

        for name, owner in owners.items():
            connect_webhook(owner, urls[name])
            publish(owner, EACH)
        connect_webhook(alice, receiver.url)
        publish(alice, HEALTHY)
        healthy = Delivery.objects.filter(owner=alice)
        wait_until(lambda: not healthy.exclude(status=Status.DELIVERED).exists(), "the healthy one has everything")
        assert not Attempt.objects.filter(error_class="timeout").exists()  # it did not wait for the receivers that hang

        wait_until(lambda: Attempt.objects.count() == HEALTHY + EACH * len(owners), "each has been tried")
        found = {
            name: set(Attempt.objects.filter(delivery__owner=owner).values_list("error_class", flat=True))
            for name, owner in owners.items()
        }
        assert found == {name: {error} for name, (_, error) in HOSTILE.items()} | {
            name: {error} for name, error in ELSEWHERE.items()
        }
        assert counts() == {Status.DELIVERED: HEALTHY + EACH, Status.PENDING: EACH * (len(owners) - 1)}
        assert not target.seen  # no redirect was followed, and nothing was sent to an untrusted server
        busy = Lane.objects.get(integration__owner=owners["is busy"])
        assert busy.held_until is not None
        assert 300 < (busy.held_until - timezone.now()).total_seconds() <= 600
        assert most_memory(process) < before + 50

        for recovered in receivers.values():
            recovered.answer = (200, {}, b"")
        for name in ELSEWHERE:
            connect_webhook(owners[name], receiver.url)
        # Makes all retries due.
        Lane.objects.update(held_until=None)
        Delivery.objects.filter(status=Status.PENDING).update(due_at=timezone.now())
        wait_until(all_delivered, "everything is delivered")
    assert counts() == {Status.DELIVERED: HEALTHY + EACH * len(owners)}
    assert (len(receiver.seen), receiver.duplicates) == (HEALTHY + EACH * len(ELSEWHERE), 0)
    assert all(len(recovered.seen) == EACH for recovered in receivers.values())

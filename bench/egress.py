"""How fast requests are sent: the flow driver, bare libcurl and `requests`, against one local receiver.

    python bench/egress.py [--requests 10000] [--at-once 200] [--endpoints 500]

The receiver is an event loop in its own process. The sender's processor time is measured, which other programs affect
less than elapsed time; compare the ratios within one run.
"""

import argparse
import itertools
import multiprocessing
import os
import resource
import selectors
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.update(DJANGO_SETTINGS_MODULE="invenicum.settings", EGRESS_ALLOW="127.0.0.0/8")

import pycurl
import requests

from integrations.core.http import Flow, Request
from integrations.egress.curl import FlowDriver, Options

ROUNDS = 7
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nServer: bench\r\nContent-Length: 2\r\n\r\nok"
BODY = (
    b'{"event":"asset.created","timestamp":"2026-03-07T10:30:00Z","data":{"assetId":"asset-123",'
    b'"name":"Product Photo.jpg","category":"Images","createdBy":"user-456","url":"https://cdn.invenicum.com/asset-123"}}'
)
HEADERS = {
    "Content-Type": "application/json",
    "X-Invenicum-Signature": "sha256=" + "d3b07384" * 8,
    "webhook-id": "evt_" + "0190" * 8,
    "webhook-timestamp": "1772879400",
    "webhook-signature": "v1," + "K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
}


def receive(endpoints: int, ports: Connection) -> None:
    """Answers every request on `endpoints` ports, except that the last port never answers."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    selector = selectors.DefaultSelector()
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=4096) for _ in range(endpoints + 1)]
    for listener in listeners:
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ)
    ports.send([listener.getsockname()[1] for listener in listeners])
    while True:
        for key, _ in selector.select():
            if key.data is None:
                accepted, _ = key.fileobj.accept()
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(accepted, selectors.EVENT_READ, (bytearray(), key.fileobj is not listeners[-1]))
            elif not _answer(key.fileobj, *key.data):
                selector.unregister(key.fileobj)
                key.fileobj.close()


def _answer(connection: socket.socket, buffer: bytearray, answers: bool) -> bool:
    try:
        received = connection.recv(65536)
    except OSError:
        return False
    buffer += received
    while (end := buffer.find(b"\r\n\r\n")) >= 0:
        length = buffer.lower().find(b"content-length:", 0, end)
        size = int(buffer[length + 15 : buffer.index(b"\r", length)]) if length >= 0 else 0
        if len(buffer) < end + 4 + size:
            break
        del buffer[: end + 4 + size]
        if answers:
            connection.send(ANSWER)
    return bool(received)


@contextmanager
def receiver(endpoints: int) -> Iterator[tuple[list[str], str]]:
    """The addresses that answer, and one that does not."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=receive, args=(endpoints, theirs), daemon=True)
    process.start()
    urls = [f"http://127.0.0.1:{port}/webhooks/invenicum" for port in ours.recv()]
    try:
        yield urls[:-1], urls[-1]
    finally:
        process.kill()
        process.join()


def one_request(url: str) -> Flow[int]:
    response = yield Request("POST", url, dict(HEADERS), BODY)
    return response.status


def with_driver(urls: list[str], count: int, at_once: int, hanging: list[str]) -> float:
    with FlowDriver[int](Options(timeout=600, connections=10_000, allow=Options.from_settings().allow)) as driver:
        for number, url in enumerate(hanging):
            driver.start(-1 - number, one_request(url))
        driver.poll(0.5)
        began = time.process_time()
        started = finished = 0
        addresses = itertools.cycle(urls)
        while finished < count:
            while started < count and driver.in_flight < at_once + len(hanging):
                driver.start(started, one_request(next(addresses)))
                started += 1
            for one in driver.poll(1):
                assert one.result == 200, one
                finished += 1
        return time.process_time() - began


def with_bare_libcurl(urls: list[str], count: int, at_once: int) -> float:
    """The lower bound in Python: the same request on every handle, without checks."""
    multi = pycurl.CurlMulti()
    multi.setopt(pycurl.M_MAXCONNECTS, 10_000)
    addresses = itertools.cycle(urls)
    lines = [f"{name}: {value}" for name, value in HEADERS.items()]
    began = time.process_time()
    started = finished = 0

    def send(curl: pycurl.Curl) -> None:
        nonlocal started
        curl.setopt(pycurl.URL, next(addresses))
        curl.setopt(pycurl.POSTFIELDS, BODY)
        multi.add_handle(curl)
        started += 1

    for _ in range(at_once):
        curl = pycurl.Curl()
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.HTTPHEADER, lines)
        curl.setopt(pycurl.WRITEFUNCTION, len)
        send(curl)
    while finished < count:
        multi.perform()
        _, succeeded, failed = multi.info_read()
        assert not failed, failed
        for curl in succeeded:
            multi.remove_handle(curl)
            assert curl.getinfo(pycurl.RESPONSE_CODE) == 200
            finished += 1
            if started < count:
                send(curl)
        if not succeeded:
            multi.select(1)
    return time.process_time() - began


def with_requests(urls: list[str], count: int) -> float:
    """The usual worker: sequential `requests.post` calls without a session."""
    began = time.process_time()
    for url in itertools.islice(itertools.cycle(urls), count):
        assert requests.post(url, BODY, headers=HEADERS, timeout=15).status_code == 200
    return time.process_time() - began


def rounds(count: int, kinds: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Microseconds of processor time for one request of each kind: the median of alternating rounds."""
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(ROUNDS):
        for kind, run in kinds.items():
            taken[kind].append(run() / count * 1e6)
    return {kind: statistics.median(values) for kind, values in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=10_000, help="a round")
    parser.add_argument("--at-once", type=int, default=200)
    parser.add_argument("--endpoints", type=int, default=500)
    given = parser.parse_args()
    count, at_once = given.requests, given.at_once
    print(f"{count} POSTs to {given.endpoints} endpoints, {at_once} at once, median of {ROUNDS} rounds")
    few = max(count // 30, 1)
    with receiver(given.endpoints) as (urls, dead):
        each = rounds(
            count,
            {
                "bare libcurl": lambda: with_bare_libcurl(urls, count, at_once),
                "flow driver": lambda: with_driver(urls, count, at_once, []),
                "flow driver with 1000 hanging": lambda: with_driver(urls, count, at_once, [dead] * 1000),
                "requests.post, sequential": lambda: with_requests(urls, few) * (count / few),
            },
        )
    driver = each["flow driver"]
    print(f"{'':<36}{'a request':>12}{'a core':>12}{'driver =':>12}")
    for kind, microseconds in each.items():
        print(f"{kind:<36}{microseconds:>9.1f} us{1e6 / microseconds:>10,.0f}/s{microseconds / driver:>10.2f} x")


if __name__ == "__main__":
    main()

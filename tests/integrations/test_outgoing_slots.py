"""At most a quarter of the web threads wait for other services, and two for one account."""

import time
from contextlib import ExitStack
from typing import Any

import pytest
from django.core.cache import cache

from integrations import outgoing_slots
from invenicum.accounts.models import User
from invenicum.quotas import OUTGOING_AT_ONCE, TESTS, QuotaExceeded
from tests.fakes.http_server import FakeServer, hang
from tests.waiting import WAIT_DEADLINE_SECONDS


def send_test(client: Any, url: str = "http://127.0.0.1:9/hook") -> Any:
    return client.post("/api/v1/integrations/test", {"type": "webhook", "config": {"url": url}})


def test_a_third_test_of_one_account_is_refused_until_one_has_ended(api: Any, alice: User, settings: Any) -> None:
    settings.OUTGOING_AT_ONCE = 10
    client = api(alice)
    with outgoing_slots.hold(10, alice.pk):
        with outgoing_slots.hold(10, alice.pk):
            refused = send_test(client)
            assert refused.status_code == 429
            assert refused["Retry-After"] == "2"
            assert refused.json() == {
                "success": False,
                "message": "You can have 2 connection tests under way: wait until one has ended",
                "error": "RATE_LIMITED",
            }
        assert send_test(client).status_code == 400
    assert send_test(client).status_code == 400


def test_the_tests_of_one_account_leave_slots_for_another(api: Any, alice: User, bob: User, settings: Any) -> None:
    settings.OUTGOING_AT_ONCE = 3
    with outgoing_slots.hold(10, alice.pk), outgoing_slots.hold(10, alice.pk):
        assert send_test(api(bob)).status_code == 400


def test_only_a_quarter_of_the_threads_waits_for_other_services(api: Any, bob: User, settings: Any) -> None:
    assert settings.OUTGOING_AT_ONCE == 2  # of eight threads
    with ExitStack() as held:
        for owner_id in (-1, -2):
            held.enter_context(outgoing_slots.hold(10, owner_id))
        refused = send_test(api(bob))
        assert refused.status_code == 429
        assert refused.json()["message"].startswith("Too many connections are being tested")
        with pytest.raises(QuotaExceeded) as caught, outgoing_slots.hold(10):
            pytest.fail("there was no slot left")
        assert caught.value.quota is OUTGOING_AT_ONCE
    assert send_test(api(bob)).status_code == 400


def test_an_error_inside_gives_both_slots_back() -> None:
    for _ in range(5):
        with pytest.raises(ValueError, match="inside"), outgoing_slots.hold(10, -1):
            raise ValueError("inside")


def test_a_process_that_was_killed_leaves_a_slot_taken_for_a_short_time_only(settings: Any) -> None:
    settings.QUOTA_TESTS = 1
    cache.set("outgoing-slot:-1:0", 1, 0.05)
    with pytest.raises(QuotaExceeded) as caught, outgoing_slots.hold(10, -1):
        pytest.fail("the account had no slot left")
    assert caught.value.quota is TESTS
    time.sleep(0.06)
    with outgoing_slots.hold(10, -1):
        pass


def test_a_test_of_an_endpoint_that_never_answers_ends_in_time(api: Any, alice: User, settings: Any) -> None:
    settings.CONNECTION_TEST_TIMEOUT = 0.3
    began = time.monotonic()
    with FakeServer(lambda _: hang) as server:
        response = send_test(api(alice), f"{server.url}/hook")
    assert (response.status_code, response.json()["error"]) == (400, "CONNECTION_TIMEOUT")
    assert time.monotonic() - began < min(settings.DELIVERY_TIMEOUT, WAIT_DEADLINE_SECONDS)

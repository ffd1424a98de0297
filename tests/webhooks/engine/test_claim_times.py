import pytest

from webhooks.engine.claim_times import CLAIM_POLL_MAX_SECONDS, CLAIM_POLL_MIN_SECONDS, ClaimTimes


def test_a_claim_that_may_find_more_is_followed_by_another_at_once() -> None:
    times = ClaimTimes()
    times.claimed(10.0, 10.5, may_find_more=True, is_full=False)
    assert times.next_at == 10.5


def test_a_worker_that_cannot_send_more_claims_in_a_fifth_of_its_time_at_most() -> None:
    times = ClaimTimes()
    times.claimed(10.0, 10.5, may_find_more=True, is_full=True)
    assert times.next_at == pytest.approx(10.5 + 4 * 0.5)


def test_claims_that_find_nothing_become_rarer_until_one_finds_something() -> None:
    times = ClaimTimes()
    waits = []
    for _ in range(4):
        times.claimed(10.0, 10.0, may_find_more=False, is_full=False)
        waits.append(times.next_at - 10.0)
    assert waits == pytest.approx([CLAIM_POLL_MIN_SECONDS, 0.02, 0.04, CLAIM_POLL_MAX_SECONDS])

    times.claimed(11.0, 11.0, may_find_more=True, is_full=False)
    times.claimed(12.0, 12.0, may_find_more=False, is_full=False)
    assert times.next_at == pytest.approx(12.0 + CLAIM_POLL_MIN_SECONDS)


def test_a_drain_claims_as_it_begins() -> None:
    times = ClaimTimes()
    times.claimed(10.0, 10.5, may_find_more=True, is_full=True)
    times.begin()
    assert times.next_at == 0.0

"""How many requests a worker keeps in flight: as many as bring more done. Pure.

Times are in seconds, moments by the monotonic clock.

All attempts share the worker's one thread. While it waits, more requests in flight bring more done; when it never
waits, more of them only make answers wait for it. This queue is measured where it is, as the share of time that the
thread waits, and need not be guessed from response times as TCP Vegas does (Brakmo and Peterson 1995).

Another bottleneck (a line, a service behind many endpoints) leaves the thread waiting. It shows as in Gradient2 of
https://github.com/Netflix/concurrency-limits: the limit shrinks while answers take long compared with what is usual,
here for the same endpoint, so that quick, slow and hanging endpoints can be mixed. Endpoints may also be slow for
reasons of their own: if less gets done with fewer in flight, the limit goes back to where it was.

As there, nothing is concluded while the limit was not reached. Requests that are not answered within UNCOUNTED_SECONDS
do not count: endpoints that hang take nothing from others.
"""

from __future__ import annotations

from collections import deque

LEAST_IN_FLIGHT = 100
MOST_IN_FLIGHT = 2000  # in one process, those that are not counted included
UNCOUNTED_SECONDS = 1.0  # after which a request in flight no longer counts

ADJUSTMENT_SECONDS = 0.05  # between two changes, and at least a response time, so that the first has had its effect
LONGEST_ADJUSTMENT_SECONDS = 0.5
# Shares of the time that the thread waits: below the first it is the bottleneck, above the second it has time for more.
BUSY_SHARE, IDLE_SHARE = 0.02, 0.05
GROWTH, CAREFUL_GROWTH, DECREASE = 1.5, 1.1, 0.9  # careful if answers take longer than is usual

USUAL_TIME_FALLS, USUAL_TIME_RISES = 0.25, 0.002  # weight of an answer that took less, or more, than is usual
CONGESTED_SHARE, QUICK_SHARE = 0.4, 0.7  # that the usual response time is of what answers take, on average
ANSWERS_TO_JUDGE = 20
WORTH_SHARE = 0.75  # of the best rate: if less gets done, there was no congestion
MISTAKE_SECONDS = 10.0  # after which response times are believed again


def usual_seconds(usual: float, seconds: float) -> float:
    """The usual response time of an endpoint, 0 if none was known, after an answer that took `seconds`."""
    if not usual:
        return seconds
    return usual + (seconds - usual) * (USUAL_TIME_FALLS if seconds < usual else USUAL_TIME_RISES)


class InFlightLimit:
    """The limit of one worker, `value`; it starts at the least.

    `most` is the highest value. The limit is told when a request starts (`started`), is answered (`answered`) and ends
    (`ended`), and when one was not started because of it (`reached`). `adjust` is called in every turn of the worker's
    loop.
    """

    def __init__(self, now: float, most: int = MOST_IN_FLIGHT) -> None:
        self.most = most
        self.value = min(LEAST_IN_FLIGHT, most)
        self._recent: deque[list[float]] = deque()  # when a period began, requests in flight that were started in it
        self._counted = 0
        self._waited = 0.0
        self._best = (0.0, self.value)  # the rate before the limit shrank because of congestion, and the limit
        self._believes_at = now
        self._begin(now, ADJUSTMENT_SECONDS)

    def has_room(self, in_flight: int) -> bool:
        """Whether another request may be started while so many are in flight."""
        return self._counted < self.value and in_flight < self.most

    def started(self, now: float) -> None:
        if not self._recent or now - self._recent[-1][0] >= ADJUSTMENT_SECONDS:
            self._recent.append([now, 0])
            while now - self._recent[0][0] >= UNCOUNTED_SECONDS:
                self._counted -= int(self._recent.popleft()[1])
        self._recent[-1][1] += 1
        self._counted += 1

    def answered(self, seconds: float, usual_share: float) -> None:
        """Notes an answer that took `seconds`, of which the endpoint's usual response time is this share."""
        self._answers += 1
        self._answer_seconds += seconds
        self._usual_shares += usual_share

    def ended(self, now: float, seconds: float) -> None:
        """Notes that a request ended that was started `seconds` ago, with or without an answer."""
        for period in reversed(self._recent):
            if period[0] <= now - seconds:
                period[1] -= 1
                self._counted -= 1
                return

    def reached(self) -> None:
        """Notes that a request was not started because of the limit."""
        self._was_reached = True

    def adjust(self, now: float, waited: float) -> None:
        """Adjusts the limit if it is time to. `waited`: seconds that the thread has waited for answers, ever."""
        if now < self._ends:
            return
        while self._recent and now - self._recent[0][0] >= UNCOUNTED_SECONDS:
            self._counted -= int(self._recent.popleft()[1])
        seconds = now - self._began
        share = (waited - self._waited) / seconds
        self._waited = waited
        if self._was_reached and seconds <= UNCOUNTED_SECONDS:
            if share < BUSY_SHARE:
                self._set(self.value * DECREASE)
            elif self._is_congested(now):
                self._decrease(now, self._answers / seconds)
            elif share > IDLE_SHARE:
                self._best = (0.0, self.value)
                self._set(self.value * (GROWTH if self._is_quick() else CAREFUL_GROWTH))
        response_seconds = self._answer_seconds / self._answers if self._answers else 0.0
        self._begin(now, min(max(response_seconds, ADJUSTMENT_SECONDS), LONGEST_ADJUSTMENT_SECONDS))

    def _is_congested(self, now: float) -> bool:
        is_known = self._answers >= ANSWERS_TO_JUDGE and now >= self._believes_at
        return is_known and self._usual_shares < CONGESTED_SHARE * self._answers

    def _is_quick(self) -> bool:
        return self._usual_shares >= QUICK_SHARE * self._answers

    def _decrease(self, now: float, rate: float) -> None:
        best_rate, best_value = self._best
        if rate < WORTH_SHARE * best_rate:
            self._set(best_value)
            self._believes_at = now + MISTAKE_SECONDS
            return
        if rate > best_rate:
            self._best = (rate, self.value)
        self._set(self.value * DECREASE)

    def _begin(self, now: float, seconds: float) -> None:
        """Begins the time until the next adjustment."""
        self._began, self._ends = now, now + seconds
        self._was_reached = False
        self._answers = 0
        self._answer_seconds = self._usual_shares = 0.0

    def _set(self, value: float) -> None:
        self.value = min(max(round(value), min(LEAST_IN_FLIGHT, self.most)), self.most)

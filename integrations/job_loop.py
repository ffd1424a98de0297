"""Carries out durable jobs (`invenicum.jobs`), many at once, on the flow driver."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone

from invenicum.jobs import JobRunner

from .egress.curl import FlowDriver

JOBS_AT_ONCE = 200  # in one process
JOB_MAX_SECONDS = 60.0  # for all requests of a job together, or DELIVERY_TIMEOUT if that is less
JOB_CLAIM_INTERVAL_SECONDS = 0.2  # between two looks for due jobs while others run

Claimed = tuple[JobRunner[Any], Any]  # a runner, and a job of its model


def run_due_jobs(
    runners: Sequence[JobRunner[Any]],
    *,
    should_stop: Callable[[], bool] = lambda: False,
    at_once: int = JOBS_AT_ONCE,
) -> int:
    """Carries out jobs until none is due and none runs, at most `at_once` at the same time.

    What becomes due meanwhile is begun at once, so that jobs whose service hangs delay no others as long as fewer than
    `at_once` of them run. When `should_stop` returns True the jobs that run are given back, for another worker.

    Returns how many were begun. Raises `django.db.Error`; the leases of the jobs that ran then expire.
    """
    count, next_claim_at = 0, 0.0
    running: list[Claimed] = []
    timeout = min(settings.DELIVERY_TIMEOUT, JOB_MAX_SECONDS)
    with FlowDriver[Claimed]() as driver:
        while not should_stop():
            if not running or time.monotonic() >= next_claim_at:
                claimed = _claim(runners, at_once - len(running))
                count += len(claimed)
                for runner, job in claimed:
                    if flow := runner.begin(job):
                        running.append((runner, job))
                        driver.start((runner, job), flow, timeout=timeout, account=job.owner_id)
                if not (running or claimed):
                    return count
                next_claim_at = time.monotonic() + JOB_CLAIM_INTERVAL_SECONDS
            for finished in driver.poll(JOB_CLAIM_INTERVAL_SECONDS):
                running.remove(finished.key)
                runner, job = finished.key
                runner.end(job, finished.result, finished.error)
    for runner, job in running:
        runner.release(job)
    return count


def _claim(runners: Sequence[JobRunner[Any]], limit: int) -> list[Claimed]:
    """Up to `limit` due jobs, an equal part for each runner."""
    now, claimed = timezone.now(), list[Claimed]()
    for left, runner in zip(range(len(runners), 0, -1), runners, strict=True):
        share = -(-(limit - len(claimed)) // left)
        if share:
            claimed += [(runner, job) for job in runner.claim(now, share)]
    return claimed

"""What the end of a flow that sent several deliveries means for each of them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import Error

from integrations.core.errors import ConnectionFailed, IntegrationError, Rejected
from integrations.egress.curl import Finished
from oauth_flows.refresh import BeingRefreshed

from .values import Claimed, Group


class SentAloneNext(ConnectionFailed):
    """The deliveries were refused together, and one of them may be at fault: each is sent again, alone and at once."""

    def __init__(self, count: int, reason: str):
        super().__init__(
            f"Sent together with {count - 1} others, and refused together; it is sent alone next. {reason}"
        )


def ends_of(finished: Finished[Group]) -> list[Finished[Claimed]]:
    """How the attempt of each delivery ended, in order.

    With what the connector said of each, with the error that is true of all, or with SentAloneNext if one of them
    may be at fault: if the flow raised Rejected, or an exception by which it shows a defect.
    """
    deliveries = finished.key.deliveries
    errors = _errors_of(finished, len(deliveries))
    return [
        Finished(delivery, None, error, finished.started_at, finished.duration, finished.status, finished.excerpt)
        for delivery, error in zip(deliveries, errors, strict=True)
    ]


def _errors_of(finished: Finished[Group], count: int) -> Sequence[Exception | None]:
    error, result = finished.error, finished.result
    if error is None:
        is_complete = isinstance(result, Sequence) and len(result) == count
        if is_complete and all(one is None or isinstance(one, IntegrationError) for one in result):
            return list(result)
        return [SentAloneNext(count, "The connector did not say what became of each.")] * count
    if isinstance(error, Rejected):
        return [SentAloneNext(count, error.message)] * count
    if isinstance(error, IntegrationError | BeingRefreshed | Error):
        return [error] * count
    return [SentAloneNext(count, "An error in the connector; it has been logged.")] * count

"""Every limit of what one account can have and do: its setting, its default, and what a refused request is told.

The code that counts is where the things are: `invenicum.metering` for what is counted without the database, and the
services of each app. A quota is an integer from the environment; 0 switches it off. A new kind of work that an account
can start gets its line here and calls `check` where it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit.

    `setting`: the variable and the setting, e.g. `QUOTA_ASSETS`. `subject`: what is limited, in the plural, as the
    admin shows it. `refusal`: the sentence for a refused request; `{limit}` is replaced.
    """

    setting: str
    default: int
    subject: str
    refusal: str

    @property
    def limit(self) -> int:
        """The limit that the operator has set; 0 if there is none."""
        return int(getattr(settings, self.setting))

    def check(self, used: int, adding: int = 1) -> None:
        """Raises QuotaExceeded if `adding` more than the `used` ones would be above the limit."""
        if self.limit and used + adding > self.limit:
            raise QuotaExceeded(self)


class QuotaExceeded(Exception):
    """A request would take an account above a quota; nothing of it was done.

    `retry_after`: seconds after which the same request can succeed; None if waiting does not help. `accounts`: primary
    keys of the accounts at fault, if the request was about several.
    """

    def __init__(self, quota: Quota, retry_after: float | None = None, accounts: Collection[int] = ()):
        super().__init__(quota.setting)
        self.quota = quota
        self.retry_after = retry_after
        self.accounts = frozenset(accounts)
        self.places: tuple[int, ...] = ()  # of the items at fault, if the request has items for several accounts

    @property
    def message(self) -> str:
        return self.quota.refusal.format(limit=self.quota.limit)


ASSETS = Quota(
    "QUOTA_ASSETS",
    200_000,
    "assets",
    "An account can have {limit} assets: delete some that you no longer need, or ask the operator for more",
)
TOKENS = Quota(
    "QUOTA_TOKENS",
    1000,
    "access tokens",
    "There can be {limit} access tokens that have not expired: use a token until it expires, or revoke those that you "
    "no longer need",
)
EVENTS_PER_MINUTE = Quota(
    "QUOTA_EVENTS_PER_MINUTE",
    60_000,
    "events a minute",
    "An account can publish {limit} events a minute: send the rest later",
)
PENDING_BYTES = Quota(
    "QUOTA_PENDING_BYTES",
    1024**3,
    "bytes of pending deliveries",
    "Deliveries of {limit} bytes are pending, the most for an account: wait until they are delivered, or repair the "
    "integration that they wait for",
)
REPLAYS = Quota(
    "QUOTA_REPLAYS",
    1,
    "replays of one integration under way",
    "An integration can have {limit} replay under way: wait until it has ended, or cancel it with DELETE /replays/:id",
)
BACKFILLS = Quota(
    "QUOTA_BACKFILLS",
    1,
    "backfills of one integration under way",
    "An integration can have {limit} backfill under way: wait until it has ended, or cancel it with "
    "DELETE /replays/:id",
)
TESTS = Quota(
    "QUOTA_TESTS",
    2,
    "connection tests under way",
    "You can have {limit} connection tests under way: wait until one has ended",
)
# Not of one account but of one web process. Its default depends on the number of threads (see the settings).
OUTGOING_AT_ONCE = Quota(
    "OUTGOING_AT_ONCE",
    0,
    "web threads that wait for other services",
    "Too many connections are being tested at the moment: try again in a few seconds",
)

ALL = (
    ASSETS,
    TOKENS,
    EVENTS_PER_MINUTE,
    PENDING_BYTES,
    REPLAYS,
    BACKFILLS,
    TESTS,
)


def from_environment(read: Callable[[str, int], int]) -> dict[str, int]:
    """The settings of all quotas; `read(name, default)` reads an integer from the environment."""
    return {quota.setting: read(quota.setting, quota.default) for quota in ALL}

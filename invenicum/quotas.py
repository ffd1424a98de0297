"""Every limit of what one account can have and do: its setting, its default, and what a refused request is told.

The code that counts is where the things are: `invenicum.metering` for what is counted without the database, and the
services of each app. A quota is an integer from the environment; 0 switches it off. A new kind of work that an account
can start, for example a backfill, gets its line here and calls `check` where it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit.

    `setting`: the variable and the setting, e.g. `QUOTA_ASSETS`. `subject`: what is limited, in the plural, as the
    admin shows it. `refusal`: the sentence for a refused request; `{limit}` is replaced. `near`: the share of the limit
    from which the admin lists an account as near it; None for what is over in a moment and not listed.
    """

    setting: str
    default: int
    subject: str
    refusal: str
    near: float | None = None

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

    @property
    def message(self) -> str:
        return self.quota.refusal.format(limit=self.quota.limit)


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

ALL = (TESTS,)


def from_environment(read: Callable[[str, int], int]) -> dict[str, int]:
    """The settings of all quotas; `read(name, default)` reads an integer from the environment."""
    return {quota.setting: read(quota.setting, quota.default) for quota in ALL}

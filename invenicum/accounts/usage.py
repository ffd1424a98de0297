"""What each account uses of its quotas, for the admin. The apps that count register a meter at start-up."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from oauth2_provider.models import AccessToken

from invenicum.quotas import TOKENS, Quota

from .models import User

NEAR_SHARE = 0.8  # of a quota


@dataclass(frozen=True, slots=True)
class Meter:
    """How one quota is measured: `used` for the primary key of an account; `above` finds the accounts that use at
    least a number of it, by primary key."""

    quota: Quota
    used: Callable[[int], int]
    above: Callable[[float], Iterable[int]]


_meters: list[Meter] = []


def register(meter: Meter) -> None:
    """Called once at start-up, by the app that counts."""
    _meters.append(meter)


def describe(user: User) -> str:
    """One line for each quota: `1,204 of 200,000 assets`."""
    return "\n".join(_line(meter.quota, meter.used(user.pk)) for meter in _meters)


def _line(quota: Quota, used: int) -> str:
    return (
        f"{used:,} of {quota.limit:,} {quota.subject}" if quota.limit else f"{used:,} {quota.subject}, without a limit"
    )


def count_tokens(user_id: int) -> int:
    """How many access tokens of a user have not expired."""
    return int(AccessToken.objects.filter(user=user_id, expires__gt=timezone.now()).count())


def owners_of_tokens(count: float) -> Iterable[int]:
    """The users who have at least `count` of them."""
    live = AccessToken.objects.filter(expires__gt=timezone.now(), user__isnull=False).order_by().values("user")
    return list(live.annotate(count=Count("pk")).filter(count__gte=count).values_list("user", flat=True))


register(Meter(TOKENS, count_tokens, owners_of_tokens))


class NearQuotaFilter(admin.SimpleListFilter):
    """Users who use at least four fifths of a quota."""

    title, parameter_name = "near a quota", "near"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(meter.quota.setting, meter.quota.subject) for meter in _meters]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        for meter in _meters:
            if meter.quota.setting == self.value():
                limit = meter.quota.limit
                return queryset.filter(pk__in=list(meter.above(limit * NEAR_SHARE))) if limit else queryset.none()
        return queryset

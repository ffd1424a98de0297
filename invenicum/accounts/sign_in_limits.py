"""Limits for guessing passwords, and secrets of applications.

Failures are counted in the database, for all processes, by account and address together, by account alone, and by
address alone. A lock ends by itself, and an attempt during it neither counts nor looks at the password. So that no
account can be locked for ever by others, the lock of an account alone does not hold for an address from which the
account has signed in before: there only the failures of that address count.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import wraps
from urllib.parse import unquote_plus

import structlog
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.db.models import F, Q
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils import timezone

from invenicum.api.addresses import client_address
from invenicum.audit.services import Action, record
from invenicum.pages import error_page

from .models import Application, SignInAttempts, User

Kind = SignInAttempts.Kind
View = Callable[..., HttpResponseBase]

KNOWN_ADDRESS_LIFETIME = timedelta(days=90)
# How often the success of an address is written again.
SUCCESS_INTERVAL = timedelta(days=1)
IPV6_PREFIX = 64  # one customer has at least so many addresses (RFC 6177)
TOO_MANY = "Too many attempts"

log = structlog.get_logger(__name__)


def limited_sign_in(view: View) -> View:
    """Decorates a view whose POST signs a user in with `username` and `password`: 429 while that is locked."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.method == "POST":
            seconds = seconds_locked(Kind.USER, request.POST.get("username", ""), request)
            if seconds:
                minutes = math.ceil(seconds / 60)
                message = f"Signing in failed too often. Try again in {minutes} minute{'' if minutes == 1 else 's'}."
                page = error_page(429, TOO_MANY, message)
                page["Retry-After"] = str(seconds)
                return page
        return view(request, *args, **kwargs)

    return wrapped


def limited_client(view: View) -> View:
    """Decorates an endpoint at which applications authenticate with their secret: 429 while that is locked."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        client_id = _client_id(request)
        if not client_id:
            return view(request, *args, **kwargs)
        seconds = seconds_locked(Kind.APPLICATION, client_id, request)
        if seconds:
            description = f"Too many attempts with a wrong client secret: try again in {seconds} seconds."
            body = {"error": "temporarily_unavailable", "error_description": description}
            return JsonResponse(body, status=429, headers={"Retry-After": str(seconds), "Cache-Control": "no-store"})
        response = view(request, *args, **kwargs)
        if response.status_code == 401:
            record_failure(Kind.APPLICATION, client_id, request)
        elif response.status_code == 200:
            record_success(Kind.APPLICATION, client_id, request)
        return response

    return wrapped


@receiver(user_login_failed)
def on_failed(credentials: dict[str, object], request: HttpRequest | None = None, **kwargs: object) -> None:
    if request is not None:
        record_failure(Kind.USER, str(credentials.get("username", "")), request)


@receiver(user_logged_in)
def on_signed_in(request: HttpRequest | None, user: object, **kwargs: object) -> None:
    assert isinstance(user, User)
    record(Action.SIGNED_IN, owner=user, actor=user)
    if request is not None and request.method == "POST":
        record_success(Kind.USER, user.get_username(), request)


def seconds_locked(kind: str, account: str, request: HttpRequest) -> int:
    """For how many seconds no attempt is accepted; 0 if one is now."""
    name, address, now = _name(account), _network(request), timezone.now()
    rows = {(row.account, row.address): row for row in _rows(kind, name, address)}
    pair = rows.get((name, address))
    knows = pair is not None and pair.succeeded_at is not None and pair.succeeded_at > now - KNOWN_ADDRESS_LIFETIME
    keys = [(name, address), ("", address), *([] if knows else [(name, "")])]
    ends = [row.locked_until for key in keys if (row := rows.get(key)) and row.locked_until]
    return max((math.ceil((end - now).total_seconds()) for end in ends if end > now), default=0)


def record_failure(kind: str, account: str, request: HttpRequest) -> None:
    """Counts a wrong password or secret, and locks what has reached its limit."""
    name, address, now = _name(account), _network(request), timezone.now()
    for key, limit in _limits(name, address):
        row, _ = SignInAttempts.objects.get_or_create(
            kind=kind, account=key[0], address=key[1], defaults={"since": now}
        )
        mine = SignInAttempts.objects.filter(pk=row.pk)
        # After a lock, and after as long without one, counting begins again.
        mine.filter(Q(since__lt=now - _lock_time()) | Q(locked_until__lt=now)).update(
            failures=0, since=now, locked_until=None
        )
        mine.update(failures=F("failures") + 1)
        if limit and mine.filter(failures__gte=limit, locked_until=None).update(locked_until=now + _lock_time()):
            log.warning("sign_in_locked", kind=kind, account=key[0], address=key[1])
            _record(Action.SIGN_IN_LOCKED, kind, key[0])
    _record(Action.SIGN_IN_FAILED, kind, account)


def _record(action: Action, kind: str, account: str) -> None:
    """Adds a failure to the audit trail. What was typed is not in it if there is no such user: it may be a password."""
    if kind == Kind.USER:
        user = User.objects.filter(username__iexact=account).first() if account else None
        target, missing = (f"user:{user.public_id}" if user else ""), "There is no such user."
    else:
        user, client = None, Application.objects.filter(client_id=account).first()
        target, missing = (f"application:{client.pk}" if client else ""), "There is no such application."
    record(action, target=target, owner=user, actor=None, detail="" if target or not account else missing)


def record_success(kind: str, account: str, request: HttpRequest) -> None:
    """Forgets the failures of this account at this address, which it is known at from now on."""
    name, address, now = _name(account), _network(request), timezone.now()
    mine = SignInAttempts.objects.filter(kind=kind, account=name, address=address)
    row = mine.first()
    if row is None:
        SignInAttempts.objects.get_or_create(
            kind=kind, account=name, address=address, defaults={"since": now, "succeeded_at": now}
        )
    elif row.failures or row.succeeded_at is None or row.succeeded_at < now - SUCCESS_INTERVAL:
        mine.update(failures=0, locked_until=None, succeeded_at=now)


def forget_old() -> None:
    """Deletes what no longer counts."""
    now = timezone.now()
    is_over = Q(since__lt=now - _lock_time()) & (Q(locked_until=None) | Q(locked_until__lt=now))
    is_unknown = Q(succeeded_at=None) | Q(succeeded_at__lt=now - KNOWN_ADDRESS_LIFETIME)
    SignInAttempts.objects.filter(is_over & is_unknown).delete()


def _limits(name: str, address: str) -> Iterable[tuple[tuple[str, str], int]]:
    """What an attempt counts for, and after how many failures that is locked; in one order, against deadlocks."""
    yield (name, ""), settings.SIGN_IN_FAILURES_PER_ACCOUNT
    if address:
        yield (name, address), settings.SIGN_IN_FAILURES
        yield ("", address), settings.SIGN_IN_FAILURES_PER_ADDRESS


def _rows(kind: str, name: str, address: str) -> Iterable[SignInAttempts]:
    return SignInAttempts.objects.filter(kind=kind, account__in=("", name), address__in=("", address))


def _lock_time() -> timedelta:
    return timedelta(seconds=settings.SIGN_IN_LOCK_SECONDS)


def _name(account: str) -> str:
    """As one account may be typed: without regard to case, and cut."""
    return account.strip().replace("\0", "").casefold()[: SignInAttempts.MAX_ACCOUNT_LENGTH]


def _network(request: HttpRequest) -> str:
    """The client's address, or the network of one that is IPv6; empty if it is not known."""
    address = client_address(request)
    if address is None or ":" not in address:
        return address or ""
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))


def _client_id(request: HttpRequest) -> str:
    """The application that authenticates with a secret (RFC 6749, 2.3.1); empty if the request has none."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return unquote_plus(base64.b64decode(value, validate=True).decode().partition(":")[0])
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return request.POST.get("client_id", "") if request.POST.get("client_secret") else ""

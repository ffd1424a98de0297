"""The second factor of staff: set up, asked for after the password, and taken away.

The middleware of django-otp knows from the session which factor was used; `passed` asks it.
"""

from __future__ import annotations

import secrets
from base64 import b32encode
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import django_otp
import segno
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from invenicum.accounts.models import User
from invenicum.audit.services import Action, record

from .models import Authenticator, Factor, RecoveryCodes, digest_of

KEY_BYTES = 20  # as RFC 4226, section 4, recommends
RECOVERY_CODES = 10
_CODE_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
_CODE_LENGTH = 16  # characters: 79 bits
ISSUER = "Invenicum Integrations"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a person enters into an app: `key` by hand, e.g. `JBSW Y3DP`, or `picture`, a QR code as SVG."""

    key: str = field(repr=False)
    picture: str = field(repr=False)


def is_asked_for(user: User) -> bool:
    """Whether the user needs more than a password for the admin: who has a second factor, or all staff."""
    return bool(user.is_staff) and (is_asked_for_all() or has_factor(user))


def is_asked_for_all() -> bool:
    """Whether all staff need a second factor (`STAFF_SECOND_FACTOR`)."""
    return bool(settings.STAFF_SECOND_FACTOR)


def has_factor(user: User) -> bool:
    """Whether the user has set up a second factor."""
    return bool(Authenticator.objects.filter(user=user, confirmed=True).exists())


def passed(request: HttpRequest) -> bool:
    """Whether the user of the request may use the admin as far as the second factor is concerned."""
    user = request.user
    if not isinstance(user, User):
        return False
    return bool(user.is_verified()) or not is_asked_for(user)  # type: ignore[attr-defined]


def begin(user: User) -> Enrolment:
    """Begins to set up an app. Until `confirm` the present one, if there is one, goes on."""
    row, _ = Authenticator.objects.get_or_create(
        user=user, confirmed=False, defaults={"name": "app", "key": secrets.token_hex(KEY_BYTES)}
    )
    key = b32encode(bytes.fromhex(row.key)).decode()
    label = quote(f"{ISSUER}:{user.get_username()}")
    # https://github.com/google/google-authenticator/wiki/Key-Uri-Format
    uri = f"otpauth://totp/{label}?{urlencode({'secret': key, 'issuer': ISSUER}, quote_via=quote)}"
    picture = segno.make(uri, error="m").svg_inline(border=4, dark="#000", light="#fff", omitsize=True)
    return Enrolment(" ".join(key[at : at + 4] for at in range(0, len(key), 4)), picture)


@transaction.atomic
def confirm(request: HttpRequest, user: User, code: str) -> list[str] | None:
    """Ends setting up with the first code of the app, which replaces the one before. The session has passed.

    Returns new recovery codes, which are shown once; None if the code is wrong.
    """
    row = Authenticator.objects.select_for_update().filter(user=user, confirmed=False).first()
    if row is None or not row.verify_token(_plain(code)):
        return None
    Authenticator.objects.filter(user=user, confirmed=True).delete()
    row.confirmed = True
    row.save()
    record(Action.FACTOR_ADDED, target=f"user:{user.public_id}", owner=user)
    _sign_in(request, row)
    return _new_codes(user)


def check(request: HttpRequest, user: User, code: str) -> bool:
    """Whether a code of the app, or a recovery code, is right. If it is, the session has passed."""
    with transaction.atomic():
        found = _accepting(user, code)
    facts = {"target": f"user:{user.public_id}"}
    if found is None:
        record(Action.FACTOR_FAILED, owner=user, **facts)  # type: ignore[arg-type]
        return False
    if isinstance(found, RecoveryCodes):
        detail = f"{len(found.digests)} are left."
        record(Action.RECOVERY_CODE_USED, owner=user, detail=detail, **facts)  # type: ignore[arg-type]
    _sign_in(request, found)
    return True


def seconds_to_wait(user: User) -> int:
    """How long no code of the user is accepted after wrong ones; 0 if it is now."""
    waits = [0]
    for row in Authenticator.objects.filter(user=user, confirmed=True):
        allowed, why = row.verify_is_allowed()
        if not allowed and why:
            waits.append(int((why["locked_until"] - timezone.now()).total_seconds()) + 1)
    return max(waits)


@transaction.atomic
def renew_codes(user: User) -> list[str]:
    """New recovery codes, which are shown once. Those before are no use any more."""
    record(Action.FACTOR_ADDED, target=f"user:{user.public_id}", owner=user, detail="New recovery codes.")
    return _new_codes(user)


def codes_left(user: User) -> int:
    """How many recovery codes the user has."""
    row = RecoveryCodes.objects.filter(user=user).first()
    return len(row.digests) if row else 0


@transaction.atomic
def remove(user: User) -> bool:
    """Takes the second factor of a user away, with the recovery codes. Returns whether there was one."""
    count = Authenticator.objects.filter(user=user).delete()[0] + RecoveryCodes.objects.filter(user=user).delete()[0]
    if count:
        record(Action.FACTOR_REMOVED, target=f"user:{user.public_id}", owner=user)
    return bool(count)


def _accepting(user: User, code: str) -> Factor | None:
    """The factor that takes the code. Digits alone are of the app, so that they do not slow down recovery codes."""
    plain = _plain(code)
    model: type[Factor] = Authenticator if plain.isdecimal() else RecoveryCodes
    row = model._default_manager.select_for_update().filter(user=user, confirmed=True).first()
    return row if row and row.verify_token(plain) else None


def _new_codes(user: User) -> list[str]:
    RecoveryCodes.objects.filter(user=user).delete()
    codes = ["".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH)) for _ in range(RECOVERY_CODES)]
    RecoveryCodes.objects.create(user=user, name="codes", digests=[digest_of(code) for code in codes])
    return ["-".join(code[at : at + 4] for at in range(0, _CODE_LENGTH, 4)) for code in codes]


def _sign_in(request: HttpRequest, factor: Factor) -> None:
    request.session.cycle_key()
    django_otp.login(request, factor)


def _plain(code: str) -> str:
    return "".join(code.split())[:100]

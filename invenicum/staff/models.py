"""The second factor of a member of staff: an app that makes codes, and codes for when the app is lost.

The classes of django-otp that store them keep keys and codes as they are. These keep keys encrypted and codes as
digests, as everything else here is kept.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django_otp.models import Device, ThrottlingMixin
from django_otp.oath import TOTP

from invenicum.encrypted_fields import EncryptedTextField

CODE_STEP_SECONDS = 30
# How many steps the clock of a phone may be off.
TOLERANCE_STEPS = 1
THROTTLE_SECONDS = 1  # after a wrong code, doubled after each further one
# So that who knows the password and guesses cannot keep the owner out for long: 24 guesses a day among a million codes.
MAX_THROTTLE_SECONDS = 3600


class Factor(ThrottlingMixin, Device):
    """What both have in common. After a wrong code nothing is accepted for a second, then two, four … up to an hour."""

    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def get_throttle_factor(self) -> int:
        return THROTTLE_SECONDS

    def verify_is_allowed(self) -> tuple[bool, dict[str, Any] | None]:
        """Whether a code is looked at now. If not, also until when not (`locked_until`)."""
        allowed, why = super().verify_is_allowed()
        failed_at = self.throttling_failure_timestamp
        if allowed or failed_at is None or why is None:
            return allowed, why
        until = min(why["locked_until"], failed_at + timedelta(seconds=MAX_THROTTLE_SECONDS))
        return (True, None) if until <= timezone.now() else (False, {**why, "locked_until": until})

    def verify_token(self, token: str) -> bool:
        """Whether a code is right. It is not accepted again. The caller has locked the row."""
        if not self.verify_is_allowed()[0]:
            return False
        if not self._takes(token):
            self.throttle_increment()
            return False
        self.last_used_at = timezone.now()
        self.throttle_reset()
        return True

    def _takes(self, token: str) -> bool:
        raise NotImplementedError


class Authenticator(Factor):
    """An app that makes a code of six digits every thirty seconds (RFC 6238)."""

    key = EncryptedTextField(editable=False)  # 160 bits as hexadecimal digits
    drift = models.SmallIntegerField(default=0, editable=False, help_text="Steps that its clock is off.")
    last_step = models.BigIntegerField(default=-1, editable=False, help_text="Of the last code that was accepted.")

    class Meta:
        constraints = [
            # One that is used, and one that is being set up.
            models.UniqueConstraint(fields=["user", "confirmed"], name="one_authenticator")
        ]

    def _takes(self, token: str) -> bool:
        if not (token.isascii() and token.isdecimal()):
            return False
        totp = TOTP(bytes.fromhex(self.key), CODE_STEP_SECONDS, drift=self.drift)
        if not totp.verify(int(token), TOLERANCE_STEPS, self.last_step + 1):
            return False
        self.last_step, self.drift = totp.t(), totp.drift
        return True


class RecoveryCodes(Factor):
    """Codes that were shown once, each of which replaces the app once."""

    digests = models.JSONField(default=list, editable=False)

    class Meta:
        verbose_name_plural = "recovery codes"
        constraints = [models.UniqueConstraint(fields=["user"], name="one_set_of_recovery_codes")]

    def _takes(self, token: str) -> bool:
        digest = digest_of(token)
        if digest not in self.digests:
            return False
        self.digests = [one for one in self.digests if one != digest]
        return True


def digest_of(code: str) -> str:
    """The digest of a recovery code, however a person typed it: `ABCD efgh`, `abcd-efgh`."""
    plain = "".join(character for character in code.lower() if character.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()

"""What is said of each mistake of a receiver that verifies webhooks, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations.core.signature_faults import GOOD, Fault, Finding

from .relative_times import relative

MAX_SHOWN_SECONDS = 1_000_000_000  # some thirty years

TEXTS: dict[Fault, tuple[str | Promise, str | Promise]] = {
    Fault.VALID: (_("The signature is right"), _("%(about)s was made with your secret, of this very body.")),
    Fault.VALID_COMPUTED: (
        _("Your code computes the right signature"),
        _(
            "What it made is right for %(detail)s. If it still refuses, look at the comparison: the whole header has "
            "several signatures or a prefix."
        ),
    ),
    Fault.PREVIOUS_SECRET: (
        _("That is the previous secret"),
        _("The secret was replaced. It still signs for 24 hours after that: give your receiver the new one."),
    ),
    Fault.NO_SIGNATURE: (
        _("There is no signature"),
        _(
            "Neither webhook-signature nor X-Invenicum-Signature is among the headers. Something on the way may drop "
            "headers, or the request is not from here."
        ),
    ),
    Fault.HEADER_MISSING: (
        _("A header is missing"),
        _("%(about)s is part of what is signed. Something on the way may drop it: pass on all headers."),
    ),
    Fault.TIMESTAMP_FORM: (
        _("The timestamp has another form"),
        _("webhook-timestamp is a number of seconds since 1970. Use the header's text as it arrives."),
    ),
    Fault.TIMESTAMP_MILLISECONDS: (
        _("The timestamp is in milliseconds"),
        _("webhook-timestamp counts seconds. Use the header's text as it arrives, not the time of your clock."),
    ),
    Fault.TIMESTAMP_OLD: (
        _("The timestamp is old"),
        _(
            "Signed: %(detail)s. Receivers refuse what is older than five minutes, so that a request that was recorded "
            "cannot be sent again. If it arrived in time and was pasted later, that is no fault. If not, correct your "
            "clock."
        ),
    ),
    Fault.TIMESTAMP_AHEAD: (
        _("The timestamp is in the future"),
        _("Signed: %(detail)s. The clock of your receiver is late."),
    ),
    Fault.BODY_RESERIALISED: (
        _("The body was written again"),
        _(
            "It says the same, and in other bytes than those that were signed. Verify the raw body, before anything "
            "parses it as JSON."
        ),
    ),
    Fault.BODY_WHITESPACE: (
        _("The body has other line breaks or spaces at its end"),
        _(
            "The signature is right for the body without that difference. Read the body as bytes and do not trim it. "
            "Pasting may have done it too."
        ),
    ),
    Fault.BODY_CHANGED: (
        _("The body is another one"),
        _("It differs from what was sent with this webhook-id, from byte %(detail)s on."),
    ),
    Fault.KEY_UNDECODED: (
        _("The secret was used undecoded"),
        _(
            "For webhook-signature the key is what follows whsec_, decoded as base64. The text itself is the key for "
            "X-Invenicum-Signature only."
        ),
    ),
    Fault.KEY_WITHOUT_PREFIX: (
        _("The secret was used without whsec_, and undecoded"),
        _(
            "For webhook-signature the key is what follows whsec_, decoded as base64; for X-Invenicum-Signature it is "
            "the whole text with whsec_."
        ),
    ),
    Fault.KEY_DECODED: (
        _("The secret was decoded"),
        _("For X-Invenicum-Signature the key is the whole text with whsec_, not decoded."),
    ),
    Fault.HEX_FOR_BASE64: (
        _("The signature is in hexadecimal"),
        _("webhook-signature is the base64 of the digest's bytes. Ask your library for the raw digest."),
    ),
    Fault.BASE64_FOR_HEX: (
        _("The signature is in base64"),
        _("X-Invenicum-Signature is in hexadecimal, after sha256=."),
    ),
    Fault.BASE64_SPELLING: (
        _("The signature is in another base64"),
        _("webhook-signature uses the base64 with + and /, padded with =."),
    ),
    Fault.ONLY_BODY_SIGNED: (
        _("Only the body was signed"),
        _("webhook-signature is of webhook-id, a dot, webhook-timestamp, a dot, and the body."),
    ),
    Fault.MORE_THAN_BODY_SIGNED: (
        _("More than the body was signed"),
        _("X-Invenicum-Signature is of the body alone."),
    ),
    Fault.WRONG_HEADER: (
        _("It was compared with the wrong header"),
        _(
            "This is the signature of the other header. webhook-signature has v1, and base64; X-Invenicum-Signature "
            "has sha256= and hexadecimal."
        ),
    ),
    Fault.V1A_USED: (
        _("This webhook is signed with a private key"),
        _(
            "Its signatures begin with v1a, and no shared secret verifies them. Verify with the public key, whpk_…, "
            "or choose the signature v1 in the webhook's settings."
        ),
    ),
    Fault.V1_USED: (
        _("This webhook is signed with a shared secret"),
        _("A public key, whpk_…, verifies signatures that begin with v1a. Use the secret, whsec_…."),
    ),
    Fault.SECRET_SPELLING: (
        _("The secret has spaces, a line break or quotes around it"),
        _("They become part of the key. Often a file or a variable ends with a line break: trim it."),
    ),
    Fault.SECRET_UNKNOWN: (
        _("That is not the secret of your webhook"),
        _("Show the signing secret on the webhook's page and copy it whole, with whsec_."),
    ),
    Fault.UNEXPLAINED: (
        _("The signature does not match"),
        _("%(about)s was made with another secret, or of another body. No usual mistake explains it."),
    ),
}
ABOUT = {
    "computed": _("What your code computed"),
    "x-invenicum-signature": "X-Invenicum-Signature",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A finding in words: the tone of its banner, a title, and a sentence."""

    tone: str
    title: str | Promise
    text: str


def said_of(found: Iterable[Finding]) -> list[Said]:
    """The findings in words, in their order; one that is about several headers once."""
    made = (_said(one) for one in found)
    return list({(one.title, one.text): one for one in made}.values())


def _said(found: Finding) -> Said:
    title, text = TEXTS[found.fault]
    tone = "good" if found.fault in GOOD else "warn" if found.fault in _MILD else "bad"
    about = str(ABOUT.get(found.about, found.about))
    detail = _time(found) or str(ABOUT.get(found.detail, found.detail))
    return Said(tone, title, str(text) % {"about": about, "detail": detail})


def _time(found: Finding) -> str:
    """When it was signed, e.g. `12 min ago`; empty for a finding that is not about that."""
    if found.fault not in (Fault.TIMESTAMP_OLD, Fault.TIMESTAMP_AHEAD):
        return ""
    now, seconds = timezone.now(), timedelta(seconds=min(int(found.detail), MAX_SHOWN_SECONDS))
    return relative(now - seconds if found.fault is Fault.TIMESTAMP_OLD else now + seconds, now)


_MILD = (Fault.PREVIOUS_SECRET, Fault.TIMESTAMP_OLD)

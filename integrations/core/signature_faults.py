"""What is wrong with how a receiver verifies a webhook: why a signature does not match. Pure.

A signature that is not the right one is compared with those that come of the usual mistakes: another key, another text
that is signed, another spelling. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .signature_recipes import Recipe, Spelling, bodies, digest_in, digests, json_value
from .signing import (
    NEXT_SIGNATURE_HEADER,
    PREVIOUS_SIGNATURE_HEADER,
    PRIVATE_KEY_PREFIX,
    PUBLIC_KEY_PREFIX,
    SIGNATURE_HEADER,
    private_key,
    verification_key,
)
from .verification import SIGNATURE_TOLERANCE_SECONDS

STANDARD: Final = "webhook-signature"
INVENICUM: Final = "x-invenicum-signature"
INVENICUM_HEADERS = (SIGNATURE_HEADER.lower(), NEXT_SIGNATURE_HEADER.lower(), PREVIOUS_SIGNATURE_HEADER.lower())
MAX_SIGNATURES = 10  # looked at in a header

Header = Literal["webhook-signature", "x-invenicum-signature"]


class Fault(StrEnum):
    """What a finding says. VALID, VALID_COMPUTED and PREVIOUS_SECRET are no faults of the request."""

    VALID = "valid"
    VALID_COMPUTED = "valid_computed"
    PREVIOUS_SECRET = "previous_secret"
    NO_SIGNATURE = "no_signature"
    HEADER_MISSING = "header_missing"
    TIMESTAMP_FORM = "timestamp_form"
    TIMESTAMP_MILLISECONDS = "timestamp_milliseconds"
    TIMESTAMP_OLD = "timestamp_old"
    TIMESTAMP_AHEAD = "timestamp_ahead"
    BODY_RESERIALISED = "body_reserialised"
    BODY_WHITESPACE = "body_whitespace"
    BODY_CHANGED = "body_changed"
    KEY_UNDECODED = "key_undecoded"
    KEY_WITHOUT_PREFIX = "key_without_prefix"
    KEY_DECODED = "key_decoded"
    HEX_FOR_BASE64 = "hex_for_base64"
    BASE64_FOR_HEX = "base64_for_hex"
    BASE64_SPELLING = "base64_spelling"
    ONLY_BODY_SIGNED = "only_body_signed"
    MORE_THAN_BODY_SIGNED = "more_than_body_signed"
    WRONG_HEADER = "wrong_header"
    V1A_USED = "v1a_used"
    V1_USED = "v1_used"
    SECRET_SPELLING = "secret_spelling"
    SECRET_UNKNOWN = "secret_unknown"
    UNEXPLAINED = "unexplained"


GOOD = (Fault.VALID, Fault.VALID_COMPUTED)


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault, the header that it is about (or `computed`, `secret`, `body`), and a number or name to it."""

    fault: Fault
    about: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request as a receiver has it, and what is known about it.

    headers: by name in lower case. now: Unix time in seconds at which it is judged. current, previous: the webhook's
    secrets, empty if unknown. used: the secret that the receiver says it uses. computed: the signature that its code
    made. against: STANDARD or INVENICUM, which it compares this with; empty if it does not say. sent: the body that was
    sent under this `webhook-id`, if that is known.
    """

    body: bytes
    headers: Mapping[str, str]
    now: float
    current: str = ""
    previous: str = ""
    used: str = ""
    computed: str = ""
    against: str = ""
    sent: bytes | None = None

    @property
    def secrets(self) -> dict[str, str]:
        """Those that are known, by what is said of one that made the signature: empty for the right one."""
        known = {"": self.current or self.used.strip(), "previous": self.previous, "used": self.used}
        return {name: secret for name, secret in known.items() if secret}


# Key, text and spelling of the right signature of each header.
_RIGHT = {STANDARD: ("decoded", "all", "base64"), INVENICUM: ("text", "body", "hex")}
_FAULTS: dict[str, dict[str, Fault]] = {
    STANDARD: {
        "text": Fault.KEY_UNDECODED,
        "bare": Fault.KEY_WITHOUT_PREFIX,
        "body": Fault.ONLY_BODY_SIGNED,
        "hex": Fault.HEX_FOR_BASE64,
        "other": Fault.BASE64_SPELLING,
    },
    INVENICUM: {
        "decoded": Fault.KEY_DECODED,
        "bare": Fault.KEY_WITHOUT_PREFIX,
        "all": Fault.MORE_THAN_BODY_SIGNED,
        "base64": Fault.BASE64_FOR_HEX,
        "other": Fault.BASE64_FOR_HEX,
    },
}


def faults_of(header: Header, recipe: Recipe, spelling: Spelling) -> list[Fault]:
    """What is wrong with a signature in `header` that was made so; empty if nothing is."""
    bodies: dict[str, Fault] = {"respelled": Fault.BODY_RESERIALISED, "whitespace": Fault.BODY_WHITESPACE}
    secrets: dict[str, Fault] = {"previous": Fault.PREVIOUS_SECRET, "used": Fault.SECRET_UNKNOWN}
    found = [bodies.get(recipe.body), secrets.get(recipe.secret)]
    made = (recipe.key, recipe.signed, spelling)
    if made == _RIGHT[INVENICUM if header == STANDARD else STANDARD]:
        found.append(Fault.WRONG_HEADER)
    else:
        found += [_FAULTS[header].get(part) for part in made]
    return [fault for fault in found if fault]


def findings(received: Received) -> list[Finding]:
    """What is right and what is wrong, faults first; `[Finding(Fault.VALID, "webhook-signature")]` if all is well."""
    found = [*_of_secret(received), *_of_timestamp(received), *_of_signatures(received), *_of_computed(received)]
    return sorted(dict.fromkeys(found), key=lambda one: one.fault in GOOD)


def is_valid(found: list[Finding]) -> bool:
    """Whether a receiver that verifies as documented accepts the request."""
    return bool(found) and all(one.fault in (*GOOD, Fault.PREVIOUS_SECRET) for one in found)


def _of_secret(received: Received) -> Iterator[Finding]:
    used, signature = received.used, received.headers.get(STANDARD, "")
    if used != used.strip(" \t\r\n\"'"):
        yield Finding(Fault.SECRET_SPELLING, "secret")
        used = used.strip(" \t\r\n\"'")
    is_private = received.current.startswith(PRIVATE_KEY_PREFIX)
    if used.startswith(PUBLIC_KEY_PREFIX) and ("v1," in signature or (received.current and not is_private)):
        yield Finding(Fault.V1_USED, "secret")
    elif used and "v1a," in signature and not used.startswith((PUBLIC_KEY_PREFIX, PRIVATE_KEY_PREFIX)):
        yield Finding(Fault.V1A_USED, "secret")
    elif used and received.current and used not in _verifying(received.current):
        previous = bool(received.previous) and used in _verifying(received.previous)
        yield Finding(Fault.PREVIOUS_SECRET if previous else Fault.SECRET_UNKNOWN, "secret")


def _of_timestamp(received: Received) -> Iterator[Finding]:
    if STANDARD not in received.headers:
        return
    for name in ("webhook-id", "webhook-timestamp"):
        if not received.headers.get(name):
            yield Finding(Fault.HEADER_MISSING, name)
    given = received.headers.get("webhook-timestamp", "").strip()
    if not given:
        return
    if not re.fullmatch(r"[0-9]{1,15}", given):
        yield Finding(Fault.TIMESTAMP_FORM, "webhook-timestamp")
    elif int(given) > 10**11:
        yield Finding(Fault.TIMESTAMP_MILLISECONDS, "webhook-timestamp")
    elif (age := received.now - int(given)) > SIGNATURE_TOLERANCE_SECONDS:
        yield Finding(Fault.TIMESTAMP_OLD, "webhook-timestamp", str(round(age)))
    elif age < -SIGNATURE_TOLERANCE_SECONDS:
        yield Finding(Fault.TIMESTAMP_AHEAD, "webhook-timestamp", str(round(-age)))


def _of_signatures(received: Received) -> list[Finding]:
    found = [*_of_standard(received), *_of_invenicum(received)]
    if STANDARD not in received.headers and INVENICUM not in received.headers:
        found.append(Finding(Fault.NO_SIGNATURE))
    if received.sent is None or received.sent == received.body or all(one.fault in GOOD for one in found):
        return found
    original = replace(received, body=received.sent)
    return [_of_body(received, received.sent), *_of_standard(original), *_of_invenicum(original)]


def _of_standard(received: Received) -> list[Finding]:
    signatures = received.headers.get(STANDARD, "").split()[:MAX_SIGNATURES]
    if not signatures or not received.secrets:
        return []
    if all(one.startswith("v1a,") for one in signatures):
        return _of_asymmetric(received, signatures)
    values = [_bare(one) for one in signatures if not one.startswith("v1a,")]
    return _explained(received, STANDARD, values, STANDARD)


def _of_asymmetric(received: Received, signatures: list[str]) -> list[Finding]:
    keys = {name: key for name, secret in received.secrets.items() if (key := _public_key(secret))}
    if not keys:
        return [] if received.used else [Finding(Fault.V1A_USED, STANDARD)]
    for (kind, body), (name, key), signature in product(bodies(received.body), keys.items(), signatures):
        try:
            key.verify(base64.b64decode(_bare(signature)), _identity(received) + body)
        except (InvalidSignature, ValueError):
            continue
        faults = faults_of(STANDARD, Recipe(name, "decoded", "all", kind), "base64")
        return [Finding(fault, STANDARD) for fault in faults or [Fault.VALID]]
    return [Finding(Fault.UNEXPLAINED, STANDARD)]


def _public_key(secret: str) -> Ed25519PublicKey | None:
    try:
        if secret.startswith(PRIVATE_KEY_PREFIX):
            return private_key(secret).public_key()
        if secret.startswith(PUBLIC_KEY_PREFIX):
            return Ed25519PublicKey.from_public_bytes(base64.b64decode(secret.removeprefix(PUBLIC_KEY_PREFIX)))
    except ValueError:
        pass
    return None


def _of_invenicum(received: Received) -> list[Finding]:
    values = [received.headers[name] for name in INVENICUM_HEADERS if received.headers.get(name)]
    if not values or not received.secrets or received.current.startswith(PRIVATE_KEY_PREFIX):
        return []
    return _explained(received, INVENICUM, [_bare(value) for value in values], INVENICUM)


def _of_computed(received: Received) -> list[Finding]:
    value = _bare(received.computed.strip())
    if not value or not received.secrets:
        return []
    if received.headers.get(STANDARD, "").startswith("v1a,") or received.current.startswith(PRIVATE_KEY_PREFIX):
        return [Finding(Fault.V1A_USED, "computed")]
    headers: tuple[Header, ...] = (STANDARD, INVENICUM)
    wanted = tuple(header for header in headers if header == received.against) or headers
    explained = {header: _explained(received, header, [value], "computed") for header in wanted}
    header = min(explained, key=lambda header: _distance(explained[header]))
    if explained[header][0].fault is Fault.VALID:
        return [Finding(Fault.VALID_COMPUTED, "computed", header)]
    return [Finding(one.fault, one.about, header) for one in explained[header]]


def _distance(found: list[Finding]) -> tuple[bool, bool, int]:
    """How far from right a signature is."""
    return found[0].fault is Fault.UNEXPLAINED, found[0].fault is not Fault.VALID, len(found)


def _explained(received: Received, header: Header, values: list[str], about: str) -> list[Finding]:
    """How any of `values` was made, as findings; VALID if one is right."""
    given = dict(filter(None, map(digest_in, values)))
    fitting: list[list[Fault]] = []
    for digest, recipe in digests(received.secrets, _identity(received), received.body):
        if digest in given:
            faults = faults_of(header, recipe, given[digest])
            if not faults:
                return [Finding(Fault.VALID, about)]
            fitting.append(faults)
    return [Finding(fault, about) for fault in min(fitting, key=len, default=[Fault.UNEXPLAINED])]


def _of_body(received: Received, sent: bytes) -> Finding:
    """That the body is not the one that was sent, and where it begins to differ."""
    pairs = enumerate(zip(sent, received.body, strict=False))
    place = next((at for at, (one, other) in pairs if one != other), min(len(sent), len(received.body)))
    is_same = json_value(sent) == json_value(received.body)
    return Finding(Fault.BODY_RESERIALISED if is_same else Fault.BODY_CHANGED, "body", str(place))


def _identity(received: Received) -> bytes:
    return f"{received.headers.get('webhook-id', '')}.{received.headers.get('webhook-timestamp', '')}.".encode()


def _verifying(secret: str) -> tuple[str, ...]:
    """What a receiver can use for a secret: itself, or the public key of a private one."""
    return (secret, verification_key(secret))


def _bare(value: str) -> str:
    """A signature without its prefix."""
    return re.sub(r"^(?:v1a?,|sha256=)", "", value.strip())

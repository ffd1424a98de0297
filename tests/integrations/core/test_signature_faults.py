"""Each mistake of a receiver, planted, and what is said of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from integrations.core.signature_faults import INVENICUM, STANDARD, Fault, Finding, Received, findings, is_valid
from integrations.core.signing import (
    asymmetric_signature,
    generate_private_key,
    generate_secret,
    invenicum_signature,
    private_key,
    standard_key,
    standard_signature,
    verification_key,
)

NOW = 1_772_879_400
SECRET = "whsec_" + "c2VjcmV0LXRoYXQtaXMtMzItYnl0ZXMtbG9uZyEh"
OLD, OTHER = generate_secret(), generate_secret()
PRIVATE = generate_private_key()
BODY = '{"event":"asset.created","data":{"name":"Käse","price":1.50,"tags":["a"]}}'.encode()
SENT_AT = str(NOW - 2)
IDENTITY = f"evt_1.{SENT_AT}.".encode()


def request(secret: str = SECRET, body: bytes = BODY, **headers: str) -> Received:
    """A request that is signed in both schemes, as it arrives. `headers` replace those of it; `_` stands for `-`."""
    signed = {
        "webhook-id": "evt_1",
        "webhook-timestamp": SENT_AT,
        STANDARD: standard_signature([standard_key(secret)], "evt_1", int(SENT_AT), body),
        INVENICUM: invenicum_signature(secret, body),
    }
    given = signed | {name.replace("_", "-"): value for name, value in headers.items()}
    return Received(body=body, headers={name: value for name, value in given.items() if value}, now=NOW, current=SECRET)


def asymmetric() -> Received:
    signature = asymmetric_signature([private_key(PRIVATE)], "evt_1", int(SENT_AT), BODY)
    return replace(request(webhook_signature=signature, x_invenicum_signature=""), current=PRIVATE)


def mac(key: bytes | str, text: bytes) -> bytes:
    return hmac.digest(key.encode() if isinstance(key, str) else key, text, hashlib.sha256)


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def faults(received: Received) -> set[Fault]:
    return {one.fault for one in findings(received)}


KEY, RIGHT = standard_key(SECRET), mac(standard_key(SECRET), IDENTITY + BODY)
SIMPLE = b'{"event":"asset.created","data":{"name":"Cheese"}}'
RESPELLED = json.dumps(json.loads(BODY)).encode()
REQUEST = request()
PLANTED: dict[Fault, list[Received]] = {
    Fault.PREVIOUS_SECRET: [
        replace(request(OLD), previous=OLD),
        replace(REQUEST, previous=OLD, used=OLD),
        replace(REQUEST, previous=OLD, computed=b64(mac(standard_key(OLD), IDENTITY + BODY))),
    ],
    Fault.NO_SIGNATURE: [request(webhook_signature="", x_invenicum_signature="")],
    Fault.HEADER_MISSING: [request(webhook_id=""), request(webhook_timestamp="")],
    Fault.TIMESTAMP_FORM: [request(webhook_timestamp="2026-03-07T10:30:00Z")],
    Fault.TIMESTAMP_MILLISECONDS: [request(webhook_timestamp=f"{NOW}000")],
    Fault.TIMESTAMP_OLD: [replace(REQUEST, now=NOW + 299 + 3)],
    Fault.TIMESTAMP_AHEAD: [replace(REQUEST, now=NOW - 303)],
    Fault.BODY_RESERIALISED: [
        replace(REQUEST, body=RESPELLED, sent=BODY),
        replace(request(body=SIMPLE), body=json.dumps(json.loads(SIMPLE), indent=4).encode()),
        replace(REQUEST, body=json.dumps(json.loads(BODY), indent=2, ensure_ascii=False).encode(), sent=BODY),
        replace(REQUEST, computed=b64(mac(KEY, IDENTITY + RESPELLED))),
    ],
    Fault.BODY_WHITESPACE: [
        replace(REQUEST, body=BODY + b"\n"),
        replace(REQUEST, computed=mac(SECRET, BODY + b"\n").hex()),
    ],
    Fault.BODY_CHANGED: [replace(REQUEST, body=BODY.replace(b"asset.created", b"asset.deleted"), sent=BODY)],
    Fault.KEY_UNDECODED: [replace(REQUEST, computed="v1," + b64(mac(SECRET, IDENTITY + BODY)))],
    Fault.KEY_WITHOUT_PREFIX: [
        replace(REQUEST, computed=b64(mac(SECRET.removeprefix("whsec_"), IDENTITY + BODY))),
        replace(REQUEST, computed="sha256=" + mac(SECRET.removeprefix("whsec_"), BODY).hex()),
    ],
    Fault.KEY_DECODED: [replace(REQUEST, computed="sha256=" + mac(KEY, BODY).hex(), against=INVENICUM)],
    Fault.HEX_FOR_BASE64: [
        replace(REQUEST, computed=RIGHT.hex(), against=STANDARD),
        replace(REQUEST, computed=b64(RIGHT.hex().encode()), against=STANDARD),
    ],
    Fault.BASE64_FOR_HEX: [replace(REQUEST, computed=b64(mac(SECRET, BODY)), against=INVENICUM)],
    Fault.BASE64_SPELLING: [replace(REQUEST, computed=base64.urlsafe_b64encode(RIGHT).decode().rstrip("="))],
    Fault.ONLY_BODY_SIGNED: [replace(REQUEST, computed=b64(mac(KEY, BODY)))],
    Fault.MORE_THAN_BODY_SIGNED: [replace(REQUEST, computed=mac(SECRET, IDENTITY + BODY).hex(), against=INVENICUM)],
    Fault.WRONG_HEADER: [
        replace(REQUEST, computed=invenicum_signature(SECRET, BODY), against=STANDARD),
        replace(REQUEST, computed=REQUEST.headers[STANDARD], against=INVENICUM),
        request(webhook_signature=invenicum_signature(SECRET, BODY)),
    ],
    Fault.V1A_USED: [replace(asymmetric(), used=SECRET), replace(asymmetric(), computed=b64(RIGHT))],
    Fault.V1_USED: [replace(REQUEST, used=verification_key(PRIVATE))],
    Fault.SECRET_SPELLING: [replace(REQUEST, used=f"{SECRET}\n"), replace(REQUEST, used=f'"{SECRET}"')],
    Fault.SECRET_UNKNOWN: [
        replace(REQUEST, used=OTHER),
        replace(REQUEST, used=OTHER, computed=b64(mac(standard_key(OTHER), IDENTITY + BODY))),
    ],
    Fault.UNEXPLAINED: [
        request(OTHER),
        replace(REQUEST, computed="0" * 64),
        replace(REQUEST, computed="nonsense"),
        replace(asymmetric(), body=b"{}"),
    ],
    Fault.VALID: [REQUEST, asymmetric(), replace(asymmetric(), current="", used=verification_key(PRIVATE))],
    Fault.VALID_COMPUTED: [
        replace(REQUEST, computed=REQUEST.headers[STANDARD]),
        replace(REQUEST, computed=REQUEST.headers[INVENICUM]),
        replace(REQUEST, computed=b64(RIGHT), against=STANDARD),
    ],
}


def test_each_fault_is_planted() -> None:
    assert set(PLANTED) == set(Fault)


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_named(fault: Fault) -> None:
    for received in PLANTED[fault]:
        found = findings(received)
        assert fault in {one.fault for one in found}, (fault, found)
        good = (Fault.VALID, Fault.VALID_COMPUTED, Fault.PREVIOUS_SECRET)
        assert is_valid(found) == (not {one.fault for one in found} - set(good))


@pytest.mark.parametrize("fault", [fault for fault in PLANTED if fault not in (Fault.UNEXPLAINED, Fault.BODY_CHANGED)])
def test_of_one_mistake_nothing_else_is_said(fault: Fault) -> None:
    """But that a signature is right, and of a header that is missing or wrong, that the signature does not match."""
    others = {Fault.VALID, Fault.VALID_COMPUTED, Fault.UNEXPLAINED}
    for received in PLANTED[fault]:
        assert faults(received) <= {fault, *others}, findings(received)


def test_what_is_right_is_said_of_each_header() -> None:
    assert findings(REQUEST) == [Finding(Fault.VALID, STANDARD), Finding(Fault.VALID, INVENICUM)]
    both = f"{standard_signature([standard_key(OLD)], 'evt_1', int(SENT_AT), BODY)} {REQUEST.headers[STANDARD]}"
    assert is_valid(findings(request(webhook_signature=f"v1a,AAAA {both}")))


def test_an_age_is_told_in_seconds() -> None:
    assert Finding(Fault.TIMESTAMP_OLD, "webhook-timestamp", "602") in findings(replace(REQUEST, now=NOW + 600))


def test_where_the_body_differs_is_told() -> None:
    changed = replace(REQUEST, body=BODY.replace(b"1.50", b"1.55"), sent=BODY)
    assert Finding(Fault.BODY_CHANGED, "body", str(BODY.index(b"1.50") + 3)) in findings(changed)


@pytest.mark.parametrize("header", ["", "v1,", ",,,", "v1,é", "v1a,", "v1a,x", " ".join(["v1,x"] * 1000)])
def test_any_header_gives_a_finding(header: str) -> None:
    for received in (request(webhook_signature=header), replace(asymmetric(), headers={STANDARD: header})):
        assert findings(received)


def test_a_large_body_is_not_tried_in_many_spellings() -> None:
    large = json.dumps(["x" * 100] * 10_000).encode()
    assert faults(request(body=large)) == {Fault.VALID}
    assert Fault.UNEXPLAINED in faults(replace(request(body=large), body=large + b"\n"))

import pytest

from integrations.core.inbound import InboundRequest
from integrations.core.verification import (
    SIGNATURE_TOLERANCE_SECONDS,
    has_standard_signature,
    is_recent,
    is_same,
    is_signed,
)

# The vector that the Standard Webhooks libraries share.
STANDARD = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD_BODY = b'{"test": 2432232314}'
STANDARD_MOMENT = 1614265330


def request(body: bytes = b"", now: float = 0.0, **headers: str) -> InboundRequest:
    return InboundRequest({name.replace("_", "-"): value for name, value in headers.items()}, body, now)


def standard(now: float = STANDARD_MOMENT, body: bytes = STANDARD_BODY, **changes: str) -> InboundRequest:
    return InboundRequest({**STANDARD, **{name.replace("_", "-"): value for name, value in changes.items()}}, body, now)


def test_the_shared_standard_webhooks_vector_is_right() -> None:
    assert has_standard_signature(standard(), STANDARD_SECRET)
    both = f"v1,AAAA {STANDARD['webhook-signature']} v2,x"
    assert has_standard_signature(standard(webhook_signature=both), STANDARD_SECRET)


@pytest.mark.parametrize(
    "wrong",
    [
        standard(body=STANDARD_BODY + b" "),
        standard(webhook_id="msg_another"),
        standard(webhook_timestamp="1614265331"),
        standard(webhook_timestamp="-1614265330"),
        standard(webhook_timestamp="soon"),
        standard(webhook_timestamp=""),
        standard(webhook_signature=""),
        standard(webhook_signature="v1,ümlaut"),
        standard(now=STANDARD_MOMENT + SIGNATURE_TOLERANCE_SECONDS + 1),
        standard(now=STANDARD_MOMENT - SIGNATURE_TOLERANCE_SECONDS - 1),
    ],
)
def test_a_standard_signature_that_is_wrong_or_old_is_refused(wrong: InboundRequest) -> None:
    assert not has_standard_signature(wrong, STANDARD_SECRET)


def test_without_a_secret_nothing_verifies() -> None:
    assert not has_standard_signature(standard(), "")
    assert not is_same("", "")
    empty_key = (
        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"  # HMAC of an empty text with an empty key
    )
    assert not is_signed(request(x_signature=empty_key), "x-signature", "")


def test_the_hmac_of_rfc_4231_is_right() -> None:
    signature = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"  # its second test case
    incoming = request(b"what do ya want for nothing?", x_signature=f"sha256={signature}")
    assert is_signed(incoming, "x-signature", "Jefe", "sha256=")
    assert not is_signed(incoming, "x-signature", "Jefe")
    assert not is_signed(incoming, "x-other", "Jefe", "sha256=")
    assert not is_signed(incoming, "x-signature", "jefe", "sha256=")


@pytest.mark.parametrize(("timestamp", "recent"), [("700", True), ("1300", True), ("699", False), ("1301", False)])
def test_a_timestamp_holds_for_five_minutes_either_way(timestamp: str, recent: bool) -> None:
    assert is_recent(timestamp, 1000) is recent


@pytest.mark.parametrize("timestamp", ["", "x", "1000.0", " 1000", "+1000", "1" * 5000, "\u0661\u0660\u0660\u0660"])
def test_a_timestamp_is_nothing_but_digits(timestamp: str) -> None:
    assert not is_recent(timestamp, 1000)

import json

import pytest

from integrations.connectors.discord import Discord
from integrations.core.inbound import HookResponse, Unreadable
from tests.integrations.connectors.inbound_requests import config_of, inbound_of, incoming, read_event, read_response

INBOUND = inbound_of(Discord)
# RFC 8032, 7.1, the second and the third of its test vectors: public key, message, signature.
ED25519 = [
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        b"r",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        b"\xaf\x82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("key", "signed", "signature"), ED25519)
def test_the_ed25519_vectors_of_rfc_8032_are_verified(key: str, signed: bytes, signature: str) -> None:
    config = config_of(Discord, publicKey=key)
    request = incoming(signed, x_signature_ed25519=signature)
    assert INBOUND.is_authentic(request, config, "")
    assert not INBOUND.is_authentic(incoming(signed + b" ", x_signature_ed25519=signature), config, "")
    assert not INBOUND.is_authentic(
        incoming(signed, x_signature_ed25519=signature, x_signature_timestamp="1"), config, ""
    )
    for wrong in ("", "zz", signature[:-2], signature.replace("0", "1")):
        assert not INBOUND.is_authentic(incoming(signed, x_signature_ed25519=wrong), config, "")
    assert not INBOUND.is_authentic(request, config_of(Discord), "")


def test_discords_timestamp_is_signed_too() -> None:
    key, signed, signature = ED25519[0]
    request = incoming(b"", x_signature_ed25519=signature, x_signature_timestamp=signed.decode())
    assert INBOUND.is_authentic(request, config_of(Discord, publicKey=key), "")


def test_discord_s_two_pings_get_their_answers() -> None:
    # https://docs.discord.com/developers/events/webhook-events and …/interactions/overview
    assert read_response(Discord, incoming({"type": 0, "application_id": "1"})) == HookResponse(204)
    pong = read_response(Discord, incoming({"type": 1, "id": "1"}))
    assert (pong.status, json.loads(pong.body), pong.content_type) == (200, {"type": 1}, "application/json")


def test_a_discord_event_is_named_by_its_type() -> None:
    data = {"type": "APPLICATION_AUTHORIZED", "timestamp": "2024-10-18T14:42:53.064834", "data": {}}
    payload = {"version": 1, "application_id": "1234560123453231555", "type": 1, "event": data}
    event = read_event(Discord, incoming(payload))
    assert event.event_type == "APPLICATION_AUTHORIZED"
    assert event.delivery_id == read_event(Discord, incoming(payload)).delivery_id
    assert INBOUND.keys_in(incoming(payload)) == ("1234560123453231555",)
    assert INBOUND.keys_of(config_of(Discord, applicationId="1234560123453231555"), {}) == ("1234560123453231555",)
    with pytest.raises(Unreadable, match="not interactions"):
        INBOUND.read(incoming({"type": 2, "data": {}}), {})

"""What Slack, Discord, Dropbox and Google Drive send, as their documentation shows it."""

import json

import pytest

from integrations.connectors.discord import Discord
from integrations.connectors.dropbox import Dropbox
from integrations.connectors.google_drive import GoogleDrive
from integrations.connectors.slack import Slack
from integrations.core.errors import AuthFailed
from integrations.core.inbound import Happening, InboundRequest, Reply, Unreadable
from tests.flows import json_response, play
from tests.inbound import SECRET, SIGNING_SECRET, encode, sign
from tests.integrations.connectors.examples import EXAMPLES

# https://docs.slack.dev/authentication/verifying-requests-from-slack
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SLACK_MOMENT = 1531420618
SLACK_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
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


def config_of(connector, **changes):
    return connector.Config.parse({**EXAMPLES[connector.type], **changes}, connected=True)


def incoming(payload, now=0.0, **headers):
    return InboundRequest({name.replace("_", "-"): value for name, value in headers.items()}, encode(payload), now)


def slack_request(now=SLACK_MOMENT, body=SLACK_BODY, signature=SLACK_SIGNATURE, moment=str(SLACK_MOMENT)):
    return incoming(body, now, x_slack_signature=signature, x_slack_request_timestamp=moment)


@pytest.mark.parametrize("age", [0, 300, -300])
def test_slack_s_own_example_is_proved_for_five_minutes(age):
    assert Slack.inbound.is_authentic(slack_request(SLACK_MOMENT + age), config_of(Slack), SLACK_SECRET)
    assert Slack.inbound.is_authentic(
        slack_request(SLACK_MOMENT + age), config_of(Slack, signingSecret=SIGNING_SECRET), SLACK_SECRET
    )


def test_a_user_s_own_slack_app_signs_with_the_user_s_secret():
    signature = f"v0={sign(SIGNING_SECRET, b'v0:1531420618:' + SLACK_BODY)}"
    config = config_of(Slack, signingSecret=SIGNING_SECRET)
    assert Slack.inbound.is_authentic(slack_request(signature=signature), config, "")


@pytest.mark.parametrize(
    "wrong",
    [
        slack_request(SLACK_MOMENT + 301),
        slack_request(SLACK_MOMENT - 301),
        slack_request(body=SLACK_BODY + b"&x=1"),
        slack_request(moment=str(SLACK_MOMENT + 1)),
        slack_request(moment="now"),
        slack_request(signature=SLACK_SIGNATURE.removeprefix("v0=")),
        slack_request(signature=""),
    ],
)
def test_anything_else_from_slack_is_not(wrong):
    assert not Slack.inbound.is_authentic(wrong, config_of(Slack), SLACK_SECRET)
    assert not Slack.inbound.is_authentic(slack_request(), config_of(Slack), "")


def test_a_slack_team_is_known_from_the_address_of_its_webhook():
    assert Slack.inbound.keys_of(config_of(Slack), {}) == ("T00000000",)
    assert Slack.inbound.keys_in(incoming({"team_id": "T00000000"})) == ("T00000000",)


def test_slack_s_challenge_is_answered():
    # https://docs.slack.dev/reference/events/url_verification
    payload = {"token": "Jhj5dZrVaK7ZwHHjRyZWjbDl", "challenge": "3eZbrw1aB", "type": "url_verification"}
    reply = Slack.inbound.handshake(incoming(payload))
    assert (reply.status, json.loads(reply.body)) == (200, {"challenge": "3eZbrw1aB"})
    assert Slack.inbound.handshake(incoming({"type": "event_callback"})) is None


def test_a_slack_event_is_named_by_its_type_and_known_by_its_id():
    payload = {"type": "event_callback", "event_id": "Ev08MFMKH6", "event": {"type": "message", "text": "Hello *you*"}}
    happening = Slack.inbound.read(incoming({"token": "an-old-secret", **payload}), {})
    assert happening.payload == payload
    assert (happening.event, happening.delivery_id, happening.title) == ("message", "Ev08MFMKH6", "Hello *you*")
    assert Slack.inbound.read(incoming({"type": "app_rate_limited"}), {}).event == "app_rate_limited"


@pytest.mark.parametrize("event", [{"type": "message", "bot_id": "B1"}, {"type": "message", "subtype": "bot_message"}])
def test_what_a_bot_writes_in_slack_is_left_out_so_that_nothing_goes_round(event):
    assert Slack.inbound.read(incoming({"event": event}), {}) == Reply()


@pytest.mark.parametrize(("key", "signed", "signature"), ED25519)
def test_the_ed25519_vectors_of_rfc_8032_are_proved(key, signed, signature):
    config = config_of(Discord, publicKey=key)
    request = incoming(signed, x_signature_ed25519=signature)
    assert Discord.inbound.is_authentic(request, config, "")
    assert not Discord.inbound.is_authentic(incoming(signed + b" ", x_signature_ed25519=signature), config, "")
    assert not Discord.inbound.is_authentic(
        incoming(signed, x_signature_ed25519=signature, x_signature_timestamp="1"), config, ""
    )
    for wrong in ("", "zz", signature[:-2], signature.replace("0", "1")):
        assert not Discord.inbound.is_authentic(incoming(signed, x_signature_ed25519=wrong), config, "")
    assert not Discord.inbound.is_authentic(request, config_of(Discord), "")


def test_the_moment_that_discord_names_is_signed_too():
    key, signed, signature = ED25519[0]
    request = incoming(b"", x_signature_ed25519=signature, x_signature_timestamp=signed.decode())
    assert Discord.inbound.is_authentic(request, config_of(Discord, publicKey=key), "")


def test_discord_s_two_pings_get_their_answers():
    # https://docs.discord.com/developers/events/webhook-events and …/interactions/overview
    assert Discord.inbound.read(incoming({"type": 0, "application_id": "1"}), {}) == Reply(204)
    pong = Discord.inbound.read(incoming({"type": 1, "id": "1"}), {})
    assert (pong.status, json.loads(pong.body), pong.content_type) == (200, {"type": 1}, "application/json")


def test_a_discord_event_is_named_by_its_type():
    event = {"type": "APPLICATION_AUTHORIZED", "timestamp": "2024-10-18T14:42:53.064834", "data": {}}
    payload = {"version": 1, "application_id": "1234560123453231555", "type": 1, "event": event}
    happening = Discord.inbound.read(incoming(payload), {})
    assert happening.event == "APPLICATION_AUTHORIZED"
    assert happening.delivery_id == Discord.inbound.read(incoming(payload), {}).delivery_id
    assert Discord.inbound.keys_in(incoming(payload)) == ("1234560123453231555",)
    assert Discord.inbound.keys_of(config_of(Discord, applicationId="1234560123453231555"), {}) == (
        "1234560123453231555",
    )
    with pytest.raises(Unreadable, match="no interactions"):
        Discord.inbound.read(incoming({"type": 2, "data": {}}), {})


def test_dropbox_reads_its_challenge_again():
    reply = Dropbox.inbound.handshake(InboundRequest({}, b"", 0, {"challenge": "abc-1"}))
    assert (reply.body, reply.content_type) == (b"abc-1", "text/plain")
    assert Dropbox.inbound.handshake(InboundRequest({}, b"", 0)) is None


def test_dropbox_signs_with_the_secret_of_our_app():
    body = b'{"list_folder": {"accounts": ["dbid:AAH4", 5, "dbid:BBB"]}, "delta": {"users": [12345678]}}'
    request = incoming(body, x_dropbox_signature=sign("app-secret", body))
    assert Dropbox.inbound.is_authentic(request, config_of(Dropbox), "app-secret")
    assert not Dropbox.inbound.is_authentic(request, config_of(Dropbox), "another")
    assert not Dropbox.inbound.is_authentic(request, config_of(Dropbox), "")
    assert Dropbox.inbound.keys_in(request) == ("dbid:AAH4", "dbid:BBB")


def test_a_dropbox_account_hears_of_itself_only_and_each_time():
    state = {"accountId": "dbid:AAH4"}
    assert Dropbox.inbound.keys_of(config_of(Dropbox), state) == ("dbid:AAH4",)
    request = incoming({"list_folder": {"accounts": ["dbid:AAH4", "dbid:BBB"]}})
    first, second = Dropbox.inbound.read(request, state), Dropbox.inbound.read(request, state)
    assert first.payload == {"accountId": "dbid:AAH4"}
    assert first.delivery_id != second.delivery_id


def test_whose_dropbox_it_is_the_token_proves():
    account = json_response(200, {"account_id": "dbid:AAH4", "email": "a@example.com"})
    state, (request,) = play(Dropbox().on_save(config_of(Dropbox), {}), account)
    assert state == {"accountId": "dbid:AAH4"}
    assert request.url.endswith("/2/users/get_current_account")
    refused = json_response(401, {"error_summary": "invalid_access_token/"})
    with pytest.raises(AuthFailed):
        play(Dropbox().on_save(config_of(Dropbox), {}), refused)


def drive_request(**changes):
    headers = {"channel_id": "channel-1", "channel_token": SECRET, "message_number": "7", "resource_state": "change"}
    return incoming(b"", **{f"x_goog_{name}": value for name, value in {**headers, **changes}.items()})


def test_google_sends_back_the_token_of_the_channel():
    config = config_of(GoogleDrive)
    assert GoogleDrive.inbound.is_authentic(drive_request(), config, "")
    assert not GoogleDrive.inbound.is_authentic(drive_request(channel_token="guessed"), config, "")
    assert not GoogleDrive.inbound.is_authentic(drive_request(channel_token=""), config, "")
    assert GoogleDrive.inbound.keys_of(config, {"channelId": "channel-1"}) == GoogleDrive.inbound.keys_in(
        drive_request()
    )


def test_a_change_in_drive_is_known_by_channel_and_number():
    happening = GoogleDrive.inbound.read(drive_request(resource_id="o3hgv1538sdjfh", changed="content"), {})
    assert happening == Happening("change", "channel-1:7", {"resourceId": "o3hgv1538sdjfh", "changed": "content"})


def test_the_first_message_of_a_channel_says_nothing_yet():
    assert GoogleDrive.inbound.read(drive_request(resource_state="sync"), {}) == Reply()

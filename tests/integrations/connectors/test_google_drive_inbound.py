from integrations.connectors.google_drive import GoogleDrive
from integrations.core.inbound import HookResponse, InboundRequest, ProviderEvent
from tests.inbound import SECRET
from tests.integrations.connectors.inbound_requests import config_of, inbound_of, incoming, read_event, read_response

INBOUND = inbound_of(GoogleDrive)


def drive_request(**changes: str) -> InboundRequest:
    headers = {"channel_id": "channel-1", "channel_token": SECRET, "message_number": "7", "resource_state": "change"}
    return incoming(b"", 0, **{f"x_goog_{name}": value for name, value in {**headers, **changes}.items()})


def test_google_sends_back_the_token_of_the_channel() -> None:
    config = config_of(GoogleDrive)
    assert INBOUND.is_authentic(drive_request(), config, "")
    assert not INBOUND.is_authentic(drive_request(channel_token="guessed"), config, "")
    assert not INBOUND.is_authentic(drive_request(channel_token=""), config, "")
    assert INBOUND.keys_of(config, {"channelId": "channel-1"}) == INBOUND.keys_in(drive_request())


def test_a_change_in_drive_is_identified_by_channel_and_number() -> None:
    event = read_event(GoogleDrive, drive_request(resource_id="o3hgv1538sdjfh", changed="content"))
    assert event == ProviderEvent("change", "channel-1:7", {"resourceId": "o3hgv1538sdjfh", "changed": "content"})


def test_the_first_message_of_a_channel_is_not_an_event() -> None:
    assert read_response(GoogleDrive, drive_request(resource_state="sync")) == HookResponse()

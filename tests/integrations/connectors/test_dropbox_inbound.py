import pytest

from integrations.connectors.dropbox import Dropbox
from integrations.core.errors import AuthFailed
from integrations.core.inbound import InboundRequest
from tests.flows import json_response, play
from tests.inbound import sign
from tests.integrations.connectors.inbound_requests import config_of, inbound_of, incoming, read_event

INBOUND = inbound_of(Dropbox)


def test_dropbox_gets_its_challenge_back() -> None:
    response = INBOUND.answer_handshake(InboundRequest({}, b"", 0, {"challenge": "abc-1"}))
    assert response is not None
    assert (response.body, response.content_type) == (b"abc-1", "text/plain")
    assert INBOUND.answer_handshake(InboundRequest({}, b"", 0)) is None


def test_dropbox_signs_with_the_secret_of_our_app() -> None:
    body = b'{"list_folder": {"accounts": ["dbid:AAH4", 5, "dbid:BBB"]}, "delta": {"users": [12345678]}}'
    request = incoming(body, x_dropbox_signature=sign("app-secret", body))
    assert INBOUND.is_authentic(request, config_of(Dropbox), "app-secret")
    assert not INBOUND.is_authentic(request, config_of(Dropbox), "another")
    assert not INBOUND.is_authentic(request, config_of(Dropbox), "")
    assert INBOUND.keys_in(request) == ("dbid:AAH4", "dbid:BBB")


def test_a_dropbox_event_names_its_own_account_only_and_has_an_id_of_its_own() -> None:
    state = {"accountId": "dbid:AAH4"}
    assert INBOUND.keys_of(config_of(Dropbox), state) == ("dbid:AAH4",)
    request = incoming({"list_folder": {"accounts": ["dbid:AAH4", "dbid:BBB"]}})
    first, second = (read_event(Dropbox, request, state) for _ in range(2))
    assert first.payload == {"accountId": "dbid:AAH4"}
    assert first.delivery_id != second.delivery_id


def test_the_token_proves_whose_dropbox_it_is() -> None:
    account = json_response(200, {"account_id": "dbid:AAH4", "email": "a@example.com"})
    state, (request,) = play(Dropbox().on_save(config_of(Dropbox), {}), account)
    assert state == {"accountId": "dbid:AAH4"}
    assert request.url.endswith("/2/users/get_current_account")
    refused = json_response(401, {"error_summary": "invalid_access_token/"})
    with pytest.raises(AuthFailed):
        play(Dropbox().on_save(config_of(Dropbox), {}), refused)

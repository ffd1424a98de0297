"""Token endpoints answer what they like, those of self-hosted servers too: tokens, or an error that a user can read."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.core.errors import ConnectionFailed
from integrations.core.http import Flow, Response
from integrations.registry import CONNECTORS
from oauth_flows.code_exchange import connect_flow
from oauth_flows.errors import OAuthError
from oauth_flows.protocol import Client, Tokens, is_revoked, read_tokens
from tests.integrations.connectors.strangers import ODD_BODIES, READ_BYTES, check_storable, end_of, responses

CLIENTS = [
    Client(kind.type, kind.name, kind.oauth, "client", "secret", "https://gitlab.example.com")
    for kind in CONNECTORS
    if kind.oauth
]
CODE = {"code": "c0de", "state": "s"}
each_client = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.type)
some_tokens = st.fixed_dictionaries(
    {"access_token": st.sampled_from(["access", "", "a b", "ä", 5, None, {}])},
    optional={
        "expires_in": st.floats() | st.integers() | st.sampled_from(["nan", "1e400", "3600", True, [], 10**400]),
        "scope": st.text(max_size=9) | st.sampled_from([None, 5, [], {}]),
        "refresh_token": st.sampled_from(["refresh", "", 5, None, "x" * 20_000]),
        "token_type": st.sampled_from(["bearer", "MAC", None, 5]),
        "authed_user": st.dictionaries(st.sampled_from(["access_token", "id"]), st.text(max_size=5)),
    },
)


def answer_with(value: Any) -> Response:
    return Response(200, {}, json.dumps(value).encode())


def connecting(client: Client) -> Callable[[], Flow[Any]]:
    def flow() -> Flow[Any]:
        try:
            return (yield from connect_flow(client, "https://us.example.com/back", "verifier", CODE))
        except OAuthError as error:
            check_message(error.message)
            return None

    return flow


def check_message(message: str) -> None:
    assert 0 < len(message) < 2000
    message.encode()


def check_tokens(tokens: Tokens) -> None:
    assert tokens.access.isascii()
    assert tokens.expires_in is None or 0 < tokens.expires_in < 10**9
    check_storable([tokens.access, tokens.refresh, tokens.scopes, dict(tokens.answer)])


@each_client
@settings(max_examples=250)
@given(answers=st.lists(responses | some_tokens.map(answer_with), min_size=1, max_size=3))
def test_a_connection_is_made_or_refused_whatever_is_answered(client: Client, answers: list[Response]) -> None:
    connection = end_of(connecting(client), answers)
    if connection:
        check_tokens(connection.tokens)
        assert len(connection.account) <= 255
        check_storable(connection.account)


@each_client
@settings(max_examples=250)
@given(answer=responses | some_tokens.map(answer_with))
def test_a_refresh_and_a_revocation_are_understood_whatever_is_answered(client: Client, answer: Response) -> None:
    try:
        check_tokens(read_tokens(client, answer))
    except ConnectionFailed as error:
        check_message(error.message)
    assert is_revoked(client, answer) in (True, False)


@each_client
def test_every_odd_body_is_survived(client: Client) -> None:
    for body in ODD_BODIES:
        end_of(connecting(client), [Response(200, {}, body[:READ_BYTES])])
        end_of(connecting(client), [answer_with({"access_token": "access"}), Response(200, {}, body[:READ_BYTES])])

"""The connect flow, driven by hand."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from integrations.core.errors import TransportError
from integrations.core.http import Request, Response
from integrations.core.oauth import OAuthSpec
from oauth_flows.code_exchange import SENTENCES, Connection, connect_flow
from oauth_flows.errors import OAuthError, TokensUnused
from oauth_flows.protocol import Client
from tests.flows import play

SPEC = OAuthSpec(
    "https://provider.example.com/authorize",
    "https://provider.example.com/token",
    scopes=("read", "write"),
    needed_scopes=("write",),
    identity_url="https://provider.example.com/me",
    identity_field="user.name",
)
BACK = "https://us.example.com/callback"
ISSUED = {"access_token": "access", "refresh_token": "refresh", "scope": "read write"}
PARAMS = {"code": "c0de", "state": "s", "iss": "https://provider.example.com"}
UNREACHABLE = TransportError("provider.example.com refused the connection.", "refused")


def answer(status: int, payload: object) -> Response:
    return Response(status, {}, json.dumps(payload).encode())


def run(
    *answers: Response | Exception, params: Mapping[str, str] = PARAMS, **changes: Any
) -> tuple[Connection, list[Request]]:
    client = Client("dropbox", "Provider", replace(SPEC, **changes), "client", "secret")
    return play(connect_flow(client, BACK, "verifier", params), *answers)


def test_a_code_becomes_tokens_and_then_an_account() -> None:
    connection, requests = run(answer(200, ISSUED), answer(200, {"user": {"name": "Ada"}}))
    assert (connection.tokens.access, connection.tokens.refresh, connection.account) == ("access", "refresh", "Ada")
    exchange, identity = requests
    assert exchange.url == SPEC.token_url
    assert b"code=c0de&redirect_uri=https%3A%2F%2Fus.example.com%2Fcallback&code_verifier=verifier" in exchange.body
    assert (identity.url, identity.headers["Authorization"]) == (SPEC.identity_url, "Bearer access")


def test_an_account_named_with_the_tokens_saves_the_second_request() -> None:
    connection, requests = run(answer(200, {**ISSUED, "team": {"name": " Team\n1 "}}), account="team.name")
    assert (connection.account, len(requests)) == ("Team 1", 1)


@pytest.mark.parametrize("team", [None, "T", {}, {"name": " "}, {"name": 7}])
def test_an_account_that_the_token_answer_lacks_is_asked_for(team: object) -> None:
    named = answer(200, {"user": {"name": "Ada"}})
    connection, _ = run(answer(200, {**ISSUED, "team": team}), named, account="team.name")
    assert connection.account == "Ada"


def test_a_provider_that_names_no_account_is_not_asked_for_one() -> None:
    connection, requests = run(answer(200, ISSUED), identity_url=None)
    assert (connection.account, len(requests)) == ("", 1)


def test_scopes_that_the_provider_does_not_list_count_as_granted() -> None:
    connection, _ = run(answer(200, {"access_token": "a"}), answer(200, {"user": {"name": "Ada"}}))
    assert connection.tokens.scopes is None


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({**PARAMS, "error": "access_denied"}, SENTENCES["access_denied"]),
        ({"error": "server_error"}, "Provider reported an internal error. Please try again in a few minutes."),
        ({"error": "odd"}, "Provider did not connect (odd). Please try again."),
        (
            {**PARAMS, "iss": "https://evil.example.com"},
            "The answer came from another server than the one that was asked. Please start again.",
        ),
        ({"iss": PARAMS["iss"]}, "Provider sent no authorization code. Please try again."),
        ({"code": ""}, "Provider sent no authorization code. Please try again."),
    ],
    ids=["denied", "server error", "unknown error", "issuer", "no code", "empty code"],
)
def test_a_redirect_that_brings_no_code_of_this_provider_leads_to_no_request(
    params: dict[str, str], message: str
) -> None:
    with pytest.raises(OAuthError) as caught:
        run(params=params)
    assert caught.value.message == message
    assert not isinstance(caught.value, TokensUnused)


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (answer(400, {"error": "invalid_grant"}), "Provider refused to issue a token (invalid_grant)."),
        (answer(503, {}), "The token endpoint of Provider answered HTTP 503."),
        (answer(200, {}), "The token endpoint of Provider gave no access token."),
        (UNREACHABLE, UNREACHABLE.message),
    ],
    ids=["refused", "down", "no token", "unreachable"],
)
def test_a_refused_code_leaves_nothing_to_revoke(token: Response | Exception, message: str) -> None:
    with pytest.raises(OAuthError) as caught:
        run(token)
    assert caught.value.message == f"{message} Please try again."
    assert not isinstance(caught.value, TokensUnused)


def test_tokens_that_lack_a_needed_scope_have_to_be_revoked() -> None:
    with pytest.raises(TokensUnused) as caught:
        run(answer(200, {**ISSUED, "scope": "read"}))
    assert caught.value.tokens.access == "access"
    assert caught.value.message == (
        "A permission that is needed was not granted: write. Please try again and leave it ticked."
    )


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        (answer(401, {}), "Provider did not say whose account it is (HTTP 401)."),
        (answer(200, {"user": None}), "Provider did not say whose account it is (HTTP 200)."),
        (UNREACHABLE, UNREACHABLE.message),
    ],
    ids=["refused", "nameless", "unreachable"],
)
def test_tokens_whose_account_stays_unknown_have_to_be_revoked(identity: Response | Exception, message: str) -> None:
    with pytest.raises(TokensUnused) as caught:
        run(answer(200, ISSUED), identity)
    assert (caught.value.tokens.access, caught.value.tokens.refresh) == ("access", "refresh")
    assert caught.value.message == f"{message} Please try again."


@pytest.mark.parametrize("repeated", ["a-client-secret", "the-code-itself", "the-pkce-verifier"])
def test_an_error_repeats_no_secret_of_the_exchange(repeated: str) -> None:
    client = Client("dropbox", "Provider", SPEC, "client", "a-client-secret")
    refused = answer(400, {"error": f"bad {repeated}"})
    with pytest.raises(OAuthError) as caught:
        play(connect_flow(client, BACK, "the-pkce-verifier", {"code": "the-code-itself"}), refused)
    assert caught.value.message == "Provider refused to issue a token (bad [hidden]). Please try again."
    with pytest.raises(OAuthError) as caught:
        play(connect_flow(client, BACK, "the-pkce-verifier", {"error": "bad a-client-secret"}))
    assert "bad [hidden]" in caught.value.message

import base64
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.core.errors import ConnectionFailed, RateLimited
from integrations.core.http import Request, Response
from integrations.core.oauth import OAuthSpec
from oauth_flows import protocol
from oauth_flows.protocol import Client, TokenError

SPEC = OAuthSpec(
    "https://provider.example.com/authorize?audience=api",
    "https://provider.example.com/token",
    scopes=("read", "write"),
    identity_url="https://provider.example.com/me",
    identity_field="user.name",
    revoke_url="https://provider.example.com/apps/{client_id}/revoke",
    extra_params={"access_type": "offline"},
)
CLIENT = Client("dropbox", "Provider", SPEC, "the client", "s3cret: 100%+")


def answer(status: int, payload: object) -> Response:
    return Response(status, {}, json.dumps(payload).encode())


def client(**changes: Any) -> Client:
    return replace(CLIENT, spec=replace(SPEC, **changes))


def fields(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def test_the_challenge_is_that_of_rfc_7636() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert protocol.code_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_authorization_url_keeps_the_query_it_has() -> None:
    url = urlsplit(protocol.authorization_url(CLIENT, "https://us.example.com/back", "the state", "verifier"))
    assert (url.scheme, url.netloc, url.path) == ("https", "provider.example.com", "/authorize")
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert query.pop("code_challenge")
    assert query == {
        "audience": "api",
        "access_type": "offline",
        "response_type": "code",
        "client_id": "the client",
        "redirect_uri": "https://us.example.com/back",
        "scope": "read write",
        "state": "the state",
        "code_challenge_method": "S256",
    }


def test_a_provider_without_proof_keys_is_sent_none() -> None:
    without = client(pkce=None, scope_separator=",")
    query = parse_qs(urlsplit(protocol.authorization_url(without, "https://us", "s", "v")).query)
    assert "code_challenge" not in query
    assert query["scope"] == ["read,write"]
    assert "code_verifier" not in fields(protocol.exchange_request(without, "https://us", "code", "v"))


def test_the_exchange_sends_the_verifier_and_the_same_redirect_uri() -> None:
    request = protocol.exchange_request(CLIENT, "https://us.example.com/back", "c0de", "verifier")
    assert request.confidential
    assert fields(request) == {
        "grant_type": "authorization_code",
        "code": "c0de",
        "redirect_uri": "https://us.example.com/back",
        "code_verifier": "verifier",
        "client_id": "the client",
        "client_secret": "s3cret: 100%+",
    }


def test_basic_authentication_encodes_both_halves_first() -> None:
    request = protocol.refresh_request(client(token_auth="basic"), "r3fresh")
    kind, encoded = request.headers["Authorization"].split()
    assert (kind, base64.b64decode(encoded)) == ("Basic", b"the+client:s3cret%3A+100%25%2B")
    assert fields(request) == {"grant_type": "refresh_token", "refresh_token": "r3fresh"}


def test_tokens_are_read() -> None:
    payload = {"access_token": "a", "refresh_token": "r", "expires_in": "3600", "scope": "read,write"}
    tokens = protocol.read_tokens(CLIENT, answer(200, payload))
    assert (tokens.access, tokens.refresh, tokens.expires_in, tokens.scopes) == ("a", "r", 3600.0, ("read", "write"))
    assert "a" not in repr(tokens).replace("Tokens", "").replace("scopes", "").replace("read", "")


@pytest.mark.parametrize("expires_in", [None, "soon", -1, 0, "", [], 10**12, 10**400, "nan"])
def test_an_invalid_expiry_counts_as_none(expires_in: object) -> None:
    assert protocol.read_tokens(CLIENT, answer(200, {"access_token": "a", "expires_in": expires_in})).expires_in is None


@pytest.mark.parametrize(
    ("status", "payload", "error"),
    [
        (400, {"error": "invalid_grant", "error_description": "expired"}, "invalid_grant"),
        (200, {"error": "bad_verification_code"}, "bad_verification_code"),
        (200, {"ok": False, "error": "code_already_used"}, "code_already_used"),
        (200, {"ok": False}, "no reason given"),
        (400, {"error": {"code": 1}}, "no reason given"),
    ],
)
def test_a_refusal_is_recognised_with_any_status(status: int, payload: object, error: str) -> None:
    with pytest.raises(TokenError) as caught:
        protocol.read_tokens(CLIENT, answer(status, payload))
    assert caught.value.error == error


@pytest.mark.parametrize(
    "response",
    [
        Response(200, {}, b"access_token=a&token_type=bearer"),
        answer(200, {"access_token": ""}),
        answer(200, {"access_token": "two words"}),
        answer(200, {"access_token": "line\r\nbreak"}),
        answer(200, {"access_token": 1}),
        answer(200, {"access_token": "a", "token_type": "mac"}),
        answer(200, ["access_token"]),
        Response(302, {"location": "https://evil.example.com"}),
        Response(500),
    ],
)
def test_any_other_response_holds_no_token(response: Response) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        protocol.read_tokens(CLIENT, response)
    assert not isinstance(caught.value, TokenError)


def test_a_rate_limit_is_recognised() -> None:
    with pytest.raises(RateLimited):
        protocol.read_tokens(CLIENT, Response(429))


# Microsoft: "429 … Retry-After"; Dropbox: "the Retry-After header"; RFC 9110, 10.2.3: also with 503.
# https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
@pytest.mark.parametrize(
    ("status", "payload"),
    [(429, b""), (503, b"<html>"), (400, b'{"error": "temporarily_unavailable"}'), (200, b'{"error": "slow_down"}')],
)
def test_the_wait_that_a_token_endpoint_asks_for_is_kept(status: int, payload: bytes) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        protocol.read_tokens(CLIENT, Response(status, {"retry-after": "120"}, payload))
    assert caught.value.retry_after == 120


def test_nested_tokens_are_found() -> None:
    payload = {"ok": True, "authed_user": {"access_token": "xoxp", "scope": "a,b"}}
    tokens = protocol.read_tokens(client(tokens_at="authed_user"), answer(200, payload))
    assert (tokens.access, tokens.scopes) == ("xoxp", ("a", "b"))
    for nested in ("xoxp", ["access_token"], None):
        with pytest.raises(ConnectionFailed, match="gave no access token"):
            protocol.read_tokens(client(tokens_at="authed_user"), answer(200, {"authed_user": nested}))


def test_the_account_is_read_or_reported_missing() -> None:
    assert protocol.read_account(CLIENT, answer(200, {"user": {"name": " Ada  L. "}})) == "Ada L."
    assert protocol.read_account(CLIENT, answer(200, {"user": {"name": 17}})) == "17"
    for response in (answer(200, {"user": None}), answer(401, {"user": {"name": "Ada"}}), Response(200, {}, b"<html>")):
        with pytest.raises(ConnectionFailed):
            protocol.read_account(CLIENT, response)


def test_the_identity_of_dropbox_is_asked_with_a_body_of_null() -> None:
    request = protocol.identity_request(client(identity_method="POST"), "t0ken")
    assert (request.method, request.body, request.headers["Authorization"]) == ("POST", b"null", "Bearer t0ken")


def test_both_tokens_are_revoked_the_long_lived_first() -> None:
    requests = protocol.revocation_requests(CLIENT, "access", "refresh")
    assert [fields(request)["token"] for request in requests] == ["refresh", "access"]
    assert requests[0].url == "https://provider.example.com/apps/the+client/revoke"
    assert [fields(request)["token"] for request in protocol.revocation_requests(CLIENT, "access", "")] == ["access"]


def test_other_ways_of_revoking() -> None:
    [bearer] = protocol.revocation_requests(client(revocation="bearer"), "access", "refresh")
    assert (bearer.method, bearer.headers["Authorization"], bearer.body) == ("POST", "Bearer access", b"")
    [deletion] = protocol.revocation_requests(client(revocation="authorization"), "access", "")
    assert (deletion.method, deletion.body) == ("DELETE", b'{"access_token":"access"}')
    assert deletion.headers["Authorization"].startswith("Basic ")
    assert protocol.revocation_requests(client(revoke_url=None), "access", "") == []


@pytest.mark.parametrize(
    ("revocation", "response", "revoked"),
    [
        ("token", Response(200), True),
        ("token", answer(400, {"error": "invalid_token"}), True),
        ("token", answer(401, {"error": "invalid_client"}), False),
        ("token", Response(503), False),
        ("bearer", answer(200, {"ok": True, "revoked": True}), True),
        ("bearer", answer(200, {"ok": False, "error": "token_revoked"}), True),
        ("bearer", answer(200, {"ok": False, "error": "ratelimited"}), False),
        ("bearer", Response(401), True),
        ("bearer", Response(500), False),
        ("authorization", Response(204), True),
        ("authorization", Response(404), True),
        ("authorization", Response(401), False),
        ("authorization", Response(422), False),
    ],
)
def test_whether_a_token_is_revoked(revocation: str, response: Response, revoked: bool) -> None:
    assert protocol.is_revoked(client(revocation=revocation), response) is revoked


def test_an_issuer_is_compared_character_by_character_if_it_is_known() -> None:
    known = replace(SPEC, issuer="https://accounts.google.com")
    assert protocol.is_issuer(known, "https://accounts.google.com")
    assert not protocol.is_issuer(known, "https://accounts.google.com/")
    assert protocol.is_issuer(SPEC, "https://provider.example.com/tenant-1/v2.0")
    assert not protocol.is_issuer(SPEC, "https://provider.example.com.evil.com")
    assert not protocol.is_issuer(SPEC, "http://provider.example.com")

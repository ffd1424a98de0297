"""From the provider's redirect to a connection: one flow (RFC 6749, 4.1). Pure: no database, no clock, no sockets."""

from collections.abc import Mapping
from dataclasses import dataclass

from integrations.core.answers import excerpt
from integrations.core.errors import IntegrationError
from integrations.core.http import Flow, discreet
from integrations.core.redaction import redact

from .errors import OAuthError, TokensUnused
from .protocol import (
    Client,
    Tokens,
    admin_consent_url,
    exchange_request,
    identity_request,
    is_issuer,
    read_account,
    token_flow,
)
from .token_answers import value_at

SENTENCES = {
    "access_denied": "The access was not granted, so nothing was connected.",
    "temporarily_unavailable": "{name} is not available at the moment. Please try again in a few minutes.",
    "server_error": "{name} reported an internal error. Please try again in a few minutes.",
    "invalid_scope": "{name} does not grant what Invenicum asks for: its client there lacks a permission.",
    "unauthorized_client": "{name} does not accept the client of this server: its operator has to check it.",
}
# After which it may be an administrator, and not the user, who has to consent.
APPROVAL_ERRORS = {"access_denied", "consent_required", "interaction_required"}
NEEDS_APPROVAL = (
    "The access was not granted, so nothing was connected. If {name} asked for the approval of an administrator, one "
    "can approve Invenicum for the whole organisation here: {link}"
)
ACCOUNT_MAX_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Connection:
    """What a user's consent gave: `tokens`, and the name of the `account` they belong to, e.g. `ada@example.com`.

    `account` is empty for a provider that names none.
    """

    tokens: Tokens
    account: str


def connect_flow(client: Client, redirect_uri: str, verifier: str, params: Mapping[str, str]) -> Flow[Connection]:
    """The connection that the query of a provider's redirect, `params`, leads to.

    `redirect_uri` and the PKCE `verifier` are those of the authorization request. Yields the exchange of the code and,
    if the provider does not name the account with the tokens, the request for the account's name.

    Raises OAuthError, or TokensUnused if the provider has issued tokens already.
    """
    code = _code(client, redirect_uri, params)
    try:
        tokens = yield from token_flow(client, exchange_request(client, redirect_uri, code, verifier), code, verifier)
    except IntegrationError as error:
        raise OAuthError(f"{error.message} Please try again.") from None
    _check_scopes(client, tokens)
    account = _account_in_answer(client, tokens)
    if not account and client.spec.identity_url and client.spec.identity_field:
        try:
            account = yield from discreet(_account(client, tokens), (tokens.access, client.client_secret))
        except IntegrationError as error:
            raise TokensUnused(f"{error.message} Please try again.", tokens) from None
    return Connection(tokens, account)


def _account(client: Client, tokens: Tokens) -> Flow[str]:
    return read_account(client, (yield identity_request(client, tokens.access)))


def _code(client: Client, redirect_uri: str, params: Mapping[str, str]) -> str:
    if (error := params.get("error")) in APPROVAL_ERRORS and (link := admin_consent_url(client, redirect_uri)):
        raise OAuthError(NEEDS_APPROVAL.format(name=client.name, link=link))
    if error:
        sentence = SENTENCES.get(error, "{name} did not connect ({error}). Please try again.")
        raise OAuthError(sentence.format(name=client.name, error=redact(excerpt(error, 60), (client.client_secret,))))
    if "iss" in params and not is_issuer(client.spec, params["iss"]):
        raise OAuthError("The answer came from another server than the one that was asked. Please start again.")
    code = params.get("code", "")
    if not code:
        raise OAuthError(f"{client.name} sent no authorization code. Please try again.")
    return code


def _check_scopes(client: Client, tokens: Tokens) -> None:
    lacking = set(client.spec.needed_scopes) - set(tokens.scopes or client.spec.needed_scopes)
    if lacking:
        names = " and ".join(sorted(lacking))
        message = f"A permission that is needed was not granted: {names}. Please try again and leave it ticked."
        raise TokensUnused(message, tokens)


def _account_in_answer(client: Client, tokens: Tokens) -> str:
    name = value_at(tokens.answer, client.spec.account) if client.spec.account else None
    return excerpt(name, ACCOUNT_MAX_CHARACTERS) if isinstance(name, str) and name.strip() else ""

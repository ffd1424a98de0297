"""Why a user cannot be connected. Pure."""

from .protocol import Tokens


class OAuthError(Exception):
    """The user cannot be connected. The API answers it as 400 `OAUTH_ERROR`.

    `message` is a sentence for that user, without secrets. `return_url` is the page of the app that the user came from,
    an origin of `OAUTH_RETURN_ORIGINS`; it is empty while that is not known for certain. `is_of_app`: the flow began
    with a start link, so that only the app can begin it again.
    """

    def __init__(self, message: str, return_url: str = "", *, is_of_app: bool = False):
        super().__init__(message)
        self.message = message
        self.return_url = return_url
        self.is_of_app = is_of_app


class NotConfigured(OAuthError):
    """This service has no client for the provider, or the type has no OAuth at all."""


class TokensUnused(OAuthError):
    """The provider issued `tokens`, but no connection can be made of them: they have to be revoked."""

    def __init__(self, message: str, tokens: Tokens):
        super().__init__(message)
        self.tokens = tokens

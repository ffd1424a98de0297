class OAuthError(Exception):
    """The flow cannot go on. `message` is a sentence for the person in front of the screen, without secrets.

    `return_url` is where that person came from, as far as it is known for certain.
    """

    def __init__(self, message: str, return_url: str = ""):
        super().__init__(message)
        self.message = message
        self.return_url = return_url


class NotConfigured(OAuthError):
    """This service has no client for the provider, or the type has no OAuth at all."""

"""Field types that several connectors share, and how their secrets are read. Pure."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from .markers import Matches


def reveal(secret: SecretStr | None) -> str:
    """The secret in clear; empty if there is none."""
    return secret.get_secret_value() if secret else ""


def _has_valid_port(address: str) -> str:
    """Checks what a pattern cannot: that the port is in range and an IPv6 host is complete."""
    try:
        port = urlsplit(address).port
    except ValueError:
        port = 0
    if port == 0:
        raise PydanticCustomError("address", "must have a valid host, and a port from 1 to 65535 if any")
    return address


# For fields that hold a URL, after their pattern.
Reachable = AfterValidator(_has_valid_port)


def token_like(example: str) -> Matches:
    """The form that every provider's tokens have; `example` is a token as this provider writes it."""
    return Matches(r"^[\x21-\x7e]{8,4096}$", "8 to 4096 characters without spaces", example)


PathPrefix = Annotated[
    str,
    Matches(
        r"^(?!.*(?:^|/)\.{1,2}(?:/|$))[^\x00-\x1f\x7f\\]{0,512}$",
        "a path of at most 512 characters without backslashes and without . or .. as a part",
        "assets/",
    ),
]
# https://git-scm.com/docs/git-check-ref-format
Branch = Annotated[
    str,
    Matches(
        r"^(?![/.-])(?!.*(?:\.\.|//|/\.|@\{|\\))(?!@$)[^\x00-\x20\x7f~^:?*\[]{1,244}(?<!\.lock)(?<!/)(?<!\.)$",
        "the name of a branch",
        "main",
    ),
]
HttpsUrl = Annotated[
    str,
    Matches(
        r"^https://[^\s/?#@]+(?::\d{1,5})?(?:/[^\s#]*)?$",
        "an https address without user name, password or fragment",
        "https://api.invenicum.com/webhooks/github",
    ),
    Reachable,
    Field(max_length=2048),
]
SyncAssets = Annotated[bool, Field(description="Whether documents of assets are committed")]
HookSecret = Annotated[
    SecretStr, Matches(r"^[\x20-\x7e]{1,255}$", "1 to 255 printable ASCII characters", "your-webhook-secret")
]

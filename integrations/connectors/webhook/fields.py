"""Types of the configuration of a custom webhook. Pure."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from ...core.fields import Reachable, reveal
from ...core.identity import MAX_PEM_CHARACTERS
from ...core.identity import private_key as tls_key
from ...core.markers import Matches
from ...core.signing import PRIVATE_KEY_PREFIX, PUBLIC_KEY_PREFIX, private_key, standard_key

# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (Signature scheme)
MIN_KEY_BYTES = 24
MAX_KEY_BYTES = 64

Url = Annotated[
    str,
    Matches(
        r"^https?://[^\s/?#@]+(?::\d{1,5})?(?:[/?][^\s#]*)?$",
        "an http or https address without user name, password or fragment",
        "https://myservice.com/webhooks/invenicum",
    ),
    Reachable,
    Field(max_length=2048),
]

# The client secret is sent there (RFC 6749, 3.2 and 3.2.1).
TokenUrl = Annotated[
    str,
    Matches(
        r"^(?:https://[^\s/?#@]+|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?)(?:[/?][^\s#]*)?$",
        "an https address without user name, password or fragment",
        "https://login.example.com/oauth/token",
    ),
    Reachable,
    Field(max_length=2048),
]
ClientText = Annotated[
    str, Matches(r"^[\x20-\x7e]{1,1000}$", "1 to 1000 printable ASCII characters", "invenicum-webhooks")
]

RESERVED_HEADERS = {
    # They frame the message (RFC 9110, 7.6.1 and 8.4; RFC 9112, 6).
    *("host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"),
    *("content-encoding", "content-range", "http2-settings"),
    # They are true of one body only (RFC 9530, RFC 1864).
    *("content-digest", "repr-digest", "digest", "content-md5"),
    "traceparent",  # each attempt has its own
}
# The first belong to connections; receivers trust the others because only we can make them.
RESERVED_HEADER_PREFIXES = ("proxy-", "webhook-", "x-invenicum-")


def _not_reserved(name: str) -> str:
    if name.lower() in RESERVED_HEADERS or name.lower().startswith(RESERVED_HEADER_PREFIXES):
        raise PydanticCustomError("reserved", "is set by the sender and cannot be chosen")
    return name


def _unique(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    seen: dict[str, str] = {}
    for name in headers:
        twin = seen.setdefault(name.lower(), name)
        if twin != name:
            raise PydanticCustomError(
                "twice", "has {twin} and {name}, which are the same header", {"twin": twin, "name": name}
            )
    return headers


def _is_key(secret: SecretStr) -> SecretStr:
    text = reveal(secret)
    if text.startswith(PRIVATE_KEY_PREFIX):
        try:
            private_key(text)
        except ValueError:
            raise PydanticCustomError(
                "key",
                "is not an Ed25519 key: {prefix} and the base64 of 32 or 64 bytes",
                {"prefix": PRIVATE_KEY_PREFIX},
            ) from None
        return secret
    if text.startswith(PUBLIC_KEY_PREFIX):
        raise PydanticCustomError("public_key", "is a public key, which cannot sign")
    size = len(standard_key(text))
    if not MIN_KEY_BYTES <= size <= MAX_KEY_BYTES:
        raise PydanticCustomError(
            "key_length",
            "is a key of {size} bytes and must have {least} to {most}; base64 counts as the bytes that it stands for",
            {"size": size, "least": MIN_KEY_BYTES, "most": MAX_KEY_BYTES},
        )
    return secret


def _is_readable_key(key: SecretStr) -> SecretStr:
    tls_key(reveal(key))
    return key


PrivateKey = Annotated[SecretStr, Field(max_length=MAX_PEM_CHARACTERS), AfterValidator(_is_readable_key)]
HeaderName = Annotated[
    str,
    Matches(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$", "a header name", "X-Custom-Header"),
    AfterValidator(_not_reserved),
]
HeaderValue = Annotated[
    SecretStr,
    Matches(r"^[\x20-\x7e\t]{0,4096}$", "printable ASCII text of at most 4096 characters", "Bearer token-here"),
]
Headers = Annotated[dict[HeaderName, HeaderValue], Field(max_length=50), AfterValidator(_unique)]
SigningSecret = Annotated[
    SecretStr,
    Matches(
        r"^[\x20-\x7e]{24,94}$",
        "`whsec_` and the base64 of 24 to 64 bytes, or 24 to 64 printable ASCII characters; for v1a `whsk_` and the "
        "base64 of an Ed25519 key",
        "whsec_or_any_random_string",
    ),
    AfterValidator(_is_key),
]

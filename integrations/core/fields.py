"""Field types that several connectors share."""

from typing import Annotated

from pydantic import Field, SecretStr

from .config import Matches

Token = Annotated[
    SecretStr, Matches(r"^[\x21-\x7e]{8,4096}$", "8 to 4096 characters without spaces", "ghp_xxxxxxxxxxxxx")
]
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
    Field(max_length=2048),
]
SyncAssets = Annotated[bool, Field(description="Whether documents of assets are committed")]
HookSecret = Annotated[
    SecretStr, Matches(r"^[\x20-\x7e]{1,255}$", "1 to 255 printable ASCII characters", "your-webhook-secret")
]

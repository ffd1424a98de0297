"""The types of GitHub's configuration fields."""

from typing import Annotated

from pydantic import SecretStr

from ...core.fields import Reachable, token_like
from ...core.markers import Matches

ApiKey = Annotated[SecretStr, token_like("ghp_xxxxxxxxxxxxx")]
Organization = Annotated[
    str, Matches(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", "the name of an organization or a user", "my-org")
]
Repository = Annotated[
    str,
    Matches(
        r"^(?!\.{1,2}$)(?!.*\.git$)[A-Za-z0-9._-]{1,100}$",
        "the name of a repository, without owner and without .git",
        "asset-repo",
    ),
]
BaseUrl = Annotated[
    str,
    Matches(
        r"^https://[^\s/?#@]+(?::\d{1,5})?(?:/api/v3)?/?$",
        "the address of a GitHub Enterprise server, or of a subdomain of ghe.com",
        "https://github.example.com/api/v3",
    ),
    Reachable,
]
# https://docs.github.com/en/webhooks/webhook-events-and-payloads
Event = Annotated[
    str, Matches(r"^(?:\*|[a-z]+(?:_[a-z]+)*)$", "the name of a GitHub webhook event, or * for all", "pull_request")
]

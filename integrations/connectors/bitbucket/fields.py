"""The types of Bitbucket's configuration fields."""

from typing import Annotated

from pydantic import SecretStr

from ...core.markers import Matches, OneOf

# https://support.atlassian.com/bitbucket-cloud/docs/using-api-tokens/: app passwords (ATBB…) no longer work.
ApiKey = Annotated[
    SecretStr,
    Matches(
        r"^(?!ATBB)[\x21-\x7e]{8,4096}$",
        "an API token or an access token, not an app password",
        "ATATT3xFfGF0EXAMPLEEXAMPLE",
    ),
]
Email = Annotated[str, Matches(r"^[^\s@:]+@[^\s@.]+(?:\.[^\s@.]+)+$", "an e-mail address", "user@example.com")]
Workspace = Annotated[
    str, Matches(r"^(?:[a-z0-9][a-z0-9_-]{0,61}|\{[0-9a-f-]{36}\})$", "the id of a workspace", "my-workspace")
]
Repository = Annotated[
    str, Matches(r"^(?!\.{1,2}$)(?:[A-Za-z0-9._-]{1,62}|\{[0-9a-f-]{36}\})$", "the name of a repository", "asset-repo")
]
# https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/, without those of issues, which are retired:
# https://community.atlassian.com/forums/Bitbucket-articles/Announcing-sunset-of-Bitbucket-Issues-and-Wikis/ba-p/3193882
# fmt: off
EVENTS = (
    "repo:push", "repo:fork", "repo:updated", "repo:transfer", "repo:created", "repo:deleted", "repo:imported",
    "repo:commit_comment_created", "repo:commit_status_created", "repo:commit_status_updated",
    "pullrequest:created", "pullrequest:updated", "pullrequest:push", "pullrequest:approved",
    "pullrequest:unapproved", "pullrequest:changes_request_created",
    "pullrequest:changes_request_removed", "pullrequest:fulfilled", "pullrequest:rejected",
    "pullrequest:comment_created", "pullrequest:comment_updated", "pullrequest:comment_deleted",
    "pullrequest:comment_resolved", "pullrequest:comment_reopened", "project:updated",
)
# fmt: on
Event = Annotated[str, OneOf(EVENTS, "the name of a Bitbucket webhook event")]

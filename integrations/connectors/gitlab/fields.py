"""The types of GitLab's configuration fields."""

from typing import Annotated

from pydantic import Field, SecretStr

from ...core.fields import Reachable, token_like
from ...core.markers import Matches, OneOf

ApiKey = Annotated[SecretStr, token_like("glpat-xxxxxxxxxxxxxxxxxxxx")]
Project = Annotated[
    str,
    Matches(
        r"^(?:\d{1,12}|[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)+)$",
        "the full path or the number of a project",
        "my-group/asset-repo",
    ),
    Field(max_length=512),
]
BaseUrl = Annotated[
    str,
    Matches(
        r"^https?://[^\s/?#@]+(?::\d{1,5})?(?:/[^\s?#]*)?$",
        "the address of a GitLab server",
        "https://gitlab.example.com",
    ),
    Reachable,
    Field(max_length=2048),
]
SigningToken = Annotated[
    SecretStr,
    Matches(
        r"^whsec_[A-Za-z0-9+/]{43}=$",
        "whsec_ and the base64 of 32 bytes",
        "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=",
    ),
]
# https://docs.gitlab.com/api/project_webhooks/#add-a-webhook-to-a-project
# fmt: off
EVENTS = (
    "push_events", "tag_push_events", "issues_events", "confidential_issues_events", "merge_requests_events",
    "note_events", "confidential_note_events", "job_events", "pipeline_events", "wiki_page_events",
    "deployment_events", "feature_flag_events", "releases_events", "emoji_events", "resource_access_token_events",
    "milestone_events", "vulnerability_events",
)
# fmt: on
Event = Annotated[str, OneOf(EVENTS, "the name of a GitLab webhook event")]

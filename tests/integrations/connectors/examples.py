"""A complete configuration of each type, with values as in the providers' documentation."""

from typing import Any

HOOK = "https://api.invenicum.com/webhooks"
GIT = {"webhookSecret": "hook-secret-0001", "branch": "main"}
WORKFLOW = (
    "https://default0123456789abcdef0123456789abcd.ef.environment.api.powerplatform.com:443/powerautomate/automations"
    "/direct/workflows/0123456789abcdef0123456789abcdef/triggers/manual/paths/invoke"
    "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE"
)

EXAMPLES: dict[str, dict[str, Any]] = {
    "s3": {
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "sessionToken": "session-token-0001",
        "region": "us-east-1",
        "bucket": "my-asset-bucket",
        "pathPrefix": "assets/",
    },
    "google_drive": {
        "folderId": "1AbCdEfGhIjKlMnOpQrStUvWxYz012345",
        "pathPrefix": "assets/",
        "webhookUrl": f"{HOOK}/google_drive",
        "webhookSecret": "hook-secret-0001",
    },
    "dropbox": {"path": "/Invenicum", "accessToken": "sl.access-token-0001"},
    "github": {
        "apiKey": "ghp_xxxxxxxxxxxxx",
        "organization": "my-org",
        "repository": "asset-repo",
        "webhookUrl": f"{HOOK}/github",
        **GIT,
    },
    "gitlab": {
        "apiKey": "glpat-xxxxxxxxxxxxxxxxxxxx",
        "project": "my-group/asset-repo",
        "webhookUrl": f"{HOOK}/gitlab",
        "webhookSigningToken": "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=",
        **GIT,
    },
    "bitbucket": {
        "apiKey": "ATATT3xFfGF0EXAMPLEEXAMPLE",
        "email": "user@example.com",
        "workspace": "my-workspace",
        "repository": "asset-repo",
        "webhookUrl": f"{HOOK}/bitbucket",
        **GIT,
    },
    "slack": {
        "webhookUrl": "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXX",
        "channel": "#asset-updates",
        "username": "Invenicum Bot",
        "iconEmoji": ":package:",
        "botToken": "xoxb-000000000000-example",
    },
    "discord": {
        "webhookUrl": "https://discord.com/api/webhooks/347114750880120863"
        "/kKDdjXa1g9tKNs0-_yOwLyALC9gydEWP6gr9sHabuK1vuofjhQDDnlOclJeRIvYK-pj_",
        "username": "Invenicum Bot",
        "avatarUrl": "https://cdn.invenicum.com/logo.png",
        "threadId": "1234567890123456789",
    },
    "teams": {"webhookUrl": WORKFLOW, "title": "Invenicum"},
    "google_analytics": {"measurementId": "G-1A2BCD345E", "apiSecret": "AbCdEfGhIjKlMnOpQrStUv", "region": "eu"},
    "mixpanel": {
        "projectToken": "0123456789abcdef0123456789abcdef",
        "projectId": "1234567",
        "serviceAccountUsername": "invenicum.a1b2c3.mp-service-account",
        "serviceAccountSecret": "AbCdEfGhIjKlMnOpQrStUvWxYz012345",
    },
    "webhook": {
        "url": "https://myservice.com/webhooks/invenicum",
        "method": "POST",
        "headers": {"Authorization": "Bearer token-here", "X-Custom-Header": "value"},
        "events": ["asset.created", "asset.updated", "asset.deleted"],
        "secret": "whsec_or_any_random_string",
    },
}

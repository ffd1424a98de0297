"""The example configuration of each type, and the names of all its fields."""

from tests.integrations.connectors.examples import EXAMPLES, WORKFLOW

__all__ = ["DISCORD", "EXAMPLES", "FIELDS", "SECRETS", "SIGNING_TOKEN", "WORKFLOW"]

DISCORD = EXAMPLES["discord"]["webhookUrl"]
SIGNING_TOKEN = EXAMPLES["gitlab"]["webhookSigningToken"]
_HOOK = "webhookUrl webhookSecret"
_FIELDS = {
    "s3": "accessKeyId secretAccessKey sessionToken region bucket pathPrefix endpointUrl forcePathStyle"
    " serverSideEncryption",
    "google_drive": f"folderId pathPrefix {_HOOK}",
    "dropbox": "path accessToken",
    "github": f"apiKey organization repository branch pathPrefix syncAssets {_HOOK} baseUrl",
    "gitlab": f"apiKey project branch pathPrefix syncAssets {_HOOK} webhookSigningToken baseUrl",
    "bitbucket": f"apiKey email workspace repository branch pathPrefix syncAssets {_HOOK}",
    "slack": "webhookUrl channel username iconEmoji botToken signingSecret",
    "discord": "webhookUrl username avatarUrl threadId applicationId publicKey",
    "teams": "webhookUrl teamId channelId title",
    "google_analytics": (
        "measurementId apiSecret propertyId region firebaseAppId appInstanceId adUserData adPersonalization"
    ),
    "mixpanel": "projectToken projectId serviceAccountUsername serviceAccountSecret region",
    "webhook": "url method headers secret",
}
FIELDS = {name: [*fields.split(), "events", "ordered", "rateLimit"] for name, fields in _FIELDS.items()}
SECRETS = {
    "s3": ["secretAccessKey", "sessionToken"],
    "google_drive": ["webhookSecret"],
    "dropbox": ["accessToken"],
    "github": ["apiKey", "webhookSecret"],
    "gitlab": ["apiKey", "webhookSecret", "webhookSigningToken"],
    "bitbucket": ["apiKey", "webhookSecret"],
    "slack": ["webhookUrl", "botToken", "signingSecret"],
    "discord": ["webhookUrl"],
    "teams": ["webhookUrl"],
    "google_analytics": ["apiSecret"],
    "mixpanel": ["projectToken", "serviceAccountSecret"],
    "webhook": ["headers", "secret"],
}

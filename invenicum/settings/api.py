"""The API: sizes, Django REST framework, and the OpenAPI document."""

from invenicum.env import env, rate
from invenicum.settings.addresses import PUBLIC_URL
from invenicum.version import VERSION

API_MAX_BODY = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = API_MAX_BODY
# What services send to /webhooks may be larger: GitHub's and GitLab's own limit is 25 MiB.
INBOUND_MAX_BODY = env.int("INBOUND_MAX_BODY", 25 * 1024 * 1024)
INBOUND_BYTES_AT_ONCE = env.int("INBOUND_BYTES_AT_ONCE", 64 * 1024 * 1024)  # in each web process
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["invenicum.accounts.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["invenicum.accounts.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["invenicum.api.parsers.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "invenicum.api.responses.AlwaysJSON",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "invenicum.api.openapi.ApiSchema",
    "DEFAULT_THROTTLE_RATES": {
        "outgoing": rate("OUTGOING_RATE_LIMIT", "120/min"),
        "save": rate("SAVE_RATE_LIMIT", "60/min"),
        "backfill": rate("BACKFILL_RATE_LIMIT", "30/min"),
    },
    "EXCEPTION_HANDLER": "invenicum.api.errors.exception_handler",
    "NON_FIELD_ERRORS_KEY": "body",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Invenicum Integrations",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_PATCH": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "DESCRIPTION": (
        "Connects the asset inventory Invenicum to twelve kinds of external service, and delivers what happens to "
        "assets as signed webhooks. `webhooks` describes what a receiver is sent."
    ),
    "LICENSE": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "SERVERS": [{"url": PUBLIC_URL, "description": "This service. Routes below /api/v1 answer at the root too."}],
    "TAGS": [
        {"name": "accounts", "description": "Users of Invenicum, as far as this service knows them."},
        {"name": "assets", "description": "The asset register: each change publishes an event."},
        {"name": "connectors", "description": "The catalog: what can be connected, and how it is configured."},
        {"name": "deliveries", "description": "Events on their way to integrations: the log, and sending again."},
        {"name": "events", "description": "What happened: publishing, and the feed that a receiver can catch up from."},
        {"name": "integrations", "description": "What a user has connected: saved, tested, paused, deleted."},
        {"name": "portal", "description": "The pages on which people connect services: one-time links that open them."},
        {"name": "replays", "description": "What is sent again, or afterwards by a backfill: watched or cancelled."},
        {"name": "sent", "description": "What the address of a custom webhook is sent, signed by this service."},
        {"name": "webhooks", "description": "What connected services send to this one, signed by them."},
    ],
    "PREPROCESSING_HOOKS": ["invenicum.api.openapi.drop_second_mount"],
    # Every choice names its own type (`ChoiceField`); the library would generate names such as `StatusC5dEnum`.
    "POSTPROCESSING_HOOKS": ["invenicum.api.openapi.tell_defaults_of_collections", "webhooks.openapi.add_webhooks"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": "none"},  # by default another site is asked
}

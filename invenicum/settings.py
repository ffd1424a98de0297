"""Settings, all from the environment. docs/settings.md explains each to an operator."""

import ipaddress
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import dj_email_url
import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate
from kombu.transport import TRANSPORT_ALIASES
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from invenicum import logging, quotas
from invenicum.env import (
    address,
    folder,
    json_object,
    kept_secret,
    oauth_clients,
    oauth_scopes,
    oauth_secret_expiry,
    rate,
    refuse_unknown_files,
    secret,
)
from invenicum.version import VERSION

django_stubs_ext.monkeypatch()  # makes `ModelAdmin[Asset]` and similar work at run time

env = Env()
_at_least_one = validate.Range(min=1)
BASE_DIR = Path(__file__).resolve().parent.parent

# --- Addresses and storage ----------------------------------------------------------------------

HOST = env.str("HOST", "127.0.0.1")
PORT = env.int("PORT", 8000, validate=validate.Range(1, 65535))
WEB_WORKERS = env.int("WEB_WORKERS", 2, validate=_at_least_one)  # processes
WEB_THREADS = env.int("WEB_THREADS", 8, validate=_at_least_one)  # of each process, that run Django
WEB_BODY_MEMORY = env.int("WEB_BODY_MEMORY", 64 * 1024 * 1024)  # bytes of request bodies that each process holds
DATA_DIR = Path(env.str("DATA_DIR", "") or BASE_DIR / ".data").resolve()
DATABASE_URL = secret("DATABASE_URL")
CELERY_BROKER_URL = secret("CELERY_BROKER_URL")
# The address at which people and providers reach this service: callbacks, hooks and links are built from it.
PUBLIC_URL = (env.str("PUBLIC_URL", "") or f"http://localhost:{PORT}").rstrip("/")
address("PUBLIC_URL", PUBLIC_URL, ("https", "http"), "https://integrations.example.com")
if DATABASE_URL:
    address(
        "DATABASE_URL", DATABASE_URL, ("postgres", "postgresql", "sqlite"), "postgres://user:password@host:5432/name"
    )
if CELERY_BROKER_URL:
    address(
        "CELERY_BROKER_URL",
        CELERY_BROKER_URL.split(";")[0],
        TRANSPORT_ALIASES,
        "redis://host:6379/0 or amqp://user:password@host//",
    )

# --- Security -----------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", False)
# Without DATABASE_URL the service is embedded: one machine, nothing to install. It then creates its keys and keeps
# them under DATA_DIR. Everything else is production and must be given its keys.
EMBEDDED = not DATABASE_URL and env.str("DEBUG", None) is None
_may_make_keys = DEBUG or EMBEDDED

SECRET_KEY = secret("SECRET_KEY")
FERNET_KEYS = [key.strip() for key in secret("FERNET_KEYS").split(",") if key.strip()]
if not _may_make_keys and not (SECRET_KEY and FERNET_KEYS):
    _missing = " and ".join(name for name in ("SECRET_KEY", "FERNET_KEYS") if not globals()[name])
    raise ImproperlyConfigured(f"Set {_missing}: a production start needs its own keys (see docs/settings.md).")
if not (SECRET_KEY and FERNET_KEYS):
    folder("DATA_DIR", DATA_DIR)
SECRET_KEY = SECRET_KEY or kept_secret(DATA_DIR / "secret_key")
FERNET_KEYS = FERNET_KEYS or [kept_secret(DATA_DIR / "fernet_key")]

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", None) or sorted(
    {urlsplit(PUBLIC_URL).hostname or "localhost", "localhost", "127.0.0.1", "[::1]"}
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
_https = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_ENGINE = "invenicum.accounts.session_store"
SESSION_COOKIE_SAMESITE = "Lax"  # the OAuth redirect comes back from another site
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
# No referrer to other sites. With "no-referrer" browsers send forms with `Origin: null`, which the CSRF check refuses;
# the pages whose addresses carry codes set it themselves.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", False) else None
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [  # of `check --deploy`
    "security.W005",  # whether every name below the host has TLS, is not for this service to say to browsers,
    "security.W021",  # and neither is whether they should be told so before they come
    "security.W008",  # the proxy that terminates TLS redirects (deploy/)
    "security.W004",  # these three follow from PUBLIC_URL, which has a check of its own: operations.W001
    "security.W011",
    "security.W016",
    "oauth2_provider.W008",  # `redirect_uri_refusal` allows http for loopback hosts only (RFC 8252, 7.3)
]
# Tokens from the Invenicum app itself: HS256 with this secret. Off if it is empty.
INVENICUM_JWT_SECRET = secret("INVENICUM_JWT_SECRET")
_JWT_SECRET_BYTES = 32  # a key for HS256 must be as long as its digest (RFC 7518, 3.2)
if INVENICUM_JWT_SECRET and len(INVENICUM_JWT_SECRET.encode()) < _JWT_SECRET_BYTES:
    raise ImproperlyConfigured(
        f"INVENICUM_JWT_SECRET, with which the Invenicum backend signs its users' tokens, has fewer than "
        f"{_JWT_SECRET_BYTES} bytes: anyone who guesses it can be any user. Make a longer one with "
        "`openssl rand -base64 48`, and give it to the backend and to this service."
    )

# If it is set, such a token must have it in its claim `aud`.
INVENICUM_JWT_AUDIENCE = env.str("INVENICUM_JWT_AUDIENCE", "")

# Web apps on other origins that may call the API with a token. They cannot use cookies.
CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ALLOWED_ORIGINS", [])
CORS_URLS_REGEX = r"^/(?!admin/)"
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "x-request-id"]
CORS_EXPOSE_HEADERS = ["retry-after", "x-request-id"]

# --- Outgoing requests --------------------------------------------------------------------------

try:
    _cidrs: list[str] = env.list("EGRESS_ALLOW", [])
    EGRESS_ALLOW = tuple(ipaddress.ip_network(cidr.strip()) for cidr in _cidrs if cidr.strip())
except ValueError as error:
    raise ImproperlyConfigured(f"EGRESS_ALLOW must be a comma-separated list of networks: {error}.") from None
try:
    EGRESS_PORTS = frozenset(int(port) for port in env.str("EGRESS_PORTS", "").split(",") if port.strip())
except ValueError:
    raise ImproperlyConfigured("EGRESS_PORTS must be port numbers, separated by commas, for example 81,591.") from None
EGRESS_PROXY = secret("EGRESS_PROXY")
EGRESS_PROXY_RESOLVES = env.bool("EGRESS_PROXY_RESOLVES", False)
EGRESS_DNS_TIMEOUT = env.float("EGRESS_DNS_TIMEOUT", 4.0)  # seconds
EGRESS_DNS_LOOKUPS = env.int("EGRESS_DNS_LOOKUPS", 200)
EGRESS_DNS_LOOKUPS_PER_ACCOUNT = env.int("EGRESS_DNS_LOOKUPS_PER_ACCOUNT", 4)
DELIVERY_TIMEOUT = env.float("DELIVERY_TIMEOUT", 15.0)  # seconds
try:
    RETRY_SCHEDULE = tuple(
        float(seconds)
        for seconds in env.str("RETRY_SCHEDULE", "0,5,300,1800,7200,18000,36000,50400,72000,86400").split(",")
    )
except ValueError:
    raise ImproperlyConfigured("RETRY_SCHEDULE must be seconds, separated by commas, for example 0,5,300.") from None
RETENTION_DAYS = env.float("RETENTION_DAYS", 90.0)
AUDIT_RETENTION_DAYS = env.float("AUDIT_RETENTION_DAYS", 365.0)
BACKFILL_DELIVERIES_PER_SECOND = env.float("BACKFILL_DELIVERIES_PER_SECOND", 100.0)  # of one backfill
PROVIDER_ENDPOINTS = json_object("PROVIDER_ENDPOINTS")
# Of Microsoft Teams: the cloud, and the tenant whose accounts can connect; a system check says which values there are.
TEAMS_CLOUD = env.str("TEAMS_CLOUD", "public")
TEAMS_TENANT = env.str("TEAMS_TENANT", "organizations")
# Our clients at the providers by integration type, each an id and a secret.
OAUTH_CLIENTS = oauth_clients()
# When the secrets of these clients expire, by integration type.
OAUTH_SECRET_EXPIRY = oauth_secret_expiry()
# Scopes that are asked for besides those that a connector needs, by integration type.
OAUTH_SCOPES = oauth_scopes()
OAUTH_RETURN_ORIGINS: list[str] = env.list("OAUTH_RETURN_ORIGINS", [])

# --- Portal -------------------------------------------------------------------------------------

# Origins whose pages may show the portal in a frame.
PORTAL_FRAME_ORIGINS: list[str] = env.list("PORTAL_FRAME_ORIGINS", [])

# --- Applications -------------------------------------------------------------------------------

INSTALLED_APPS = [
    "invenicum.audit",
    "invenicum.staff",
    "django_otp",
    "invenicum.accounts",
    "invenicum.events",
    "invenicum.assets",
    "integrations",
    "oauth_flows",
    "webhooks",
    "invenicum.operations",
    "invenicum.portal",
    "invenicum.demo",
    "oauth2_provider",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "invenicum.operations.console_app.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "corsheaders",
]
MIDDLEWARE = [
    "invenicum.api.request_ids.name_request",
    "invenicum.web.routes.note_route",
    "invenicum.content_policy.add_policy",
    "invenicum.api.addresses.tolerate_trailing_slash",
    "invenicum.operations.health.answer_probes",
    "corsheaders.middleware.CorsMiddleware",
    "invenicum.events.loops.refuse_own_deliveries",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "invenicum.api.addresses.refuse_nul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "invenicum.audit.requests.remember_request",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "invenicum.urls"
WSGI_APPLICATION = "invenicum.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {
                "console": "invenicum.operations.template_tags",
                "portal": "invenicum.portal.template_filters",
            },
        },
    },
]
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [  # the first is for new passwords
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "invenicum.accounts.secret_hasher.RandomSecretHasher",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Database -----------------------------------------------------------------------------------

if DATABASE_URL:
    _database: dict[str, Any] = {**dj_database_url.parse(DATABASE_URL, conn_max_age=60, conn_health_checks=True)}
    DATABASES = {"default": _database}
    if DATABASES["default"]["ENGINE"].endswith("postgresql"):
        DATABASES["default"]["ENGINE"] = "invenicum.postgresql"
        # A pooler such as PgBouncer gives each transaction another session, and a server's cursor belongs to one.
        DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
        # A host that no longer responds is given up after seconds; the system's timeout is a quarter of an hour.
        # Options in DATABASE_URL take precedence.
        DATABASES["default"]["OPTIONS"] = {
            "connect_timeout": 5,  # seconds
            "tcp_user_timeout": 10_000,  # milliseconds, for what was sent; keepalives are for a response awaited
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            **DATABASES["default"].get("OPTIONS", {}),
        }
else:
    folder("DATA_DIR", DATA_DIR)
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "db.sqlite3",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # A writer waits at BEGIN; a transaction that becomes a writer later would fail at once.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                # In WAL mode NORMAL survives a crash of the process; only a power cut can lose the last commits.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728;",
            },
            "TEST": {"NAME": str(DATA_DIR / "test.sqlite3")},
        }
    }

# Seconds that a worker waits for one statement, before it gives it up and tries again.
STATEMENT_TIMEOUT = env.float("STATEMENT_TIMEOUT", 15.0)

# --- Cache and queue ----------------------------------------------------------------------------

_redis = CELERY_BROKER_URL.startswith(("redis://", "rediss://"))
SHARED_CACHE = _redis  # by all processes
# Requests are limited by what is cached, and go on without if it does not answer: they must not wait for it.
REDIS_OPTIONS: dict[str, Any] = {
    "socket_connect_timeout": 0.5,  # seconds
    "socket_timeout": 0.5,
    # At once and once, for a connection that has been closed; never after a timeout.
    "retry": Retry(NoBackoff(), 1, (RedisConnectionError,)),
}
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if not _redis
    else {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CELERY_BROKER_URL,
        "OPTIONS": {"serializer": "invenicum.cache_values.JSONSerializer", **REDIS_OPTIONS},
    }
}
CELERY_ACCEPT_CONTENT = ["json"]  # no pickles: who can write to the broker must not be able to run code
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # tasks carry no state: the database knows what is due
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 10, "socket_connect_timeout": 2}
# What takes long or talks to providers has a queue of its own, for a worker of its own. A worker that names no queue
# serves both.
CELERY_TASK_QUEUES = {name: {"routing_key": name} for name in ("celery", "jobs")}
CELERY_TASK_ROUTES = {name: {"queue": "jobs"} for name in ("webhooks.tasks.run_jobs", "webhooks.tasks.prune")}
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "webhooks.tasks.sweep",
        "schedule": env.float("SWEEP_INTERVAL", 5.0),
        "options": {"expires": 60.0},
    },
    "jobs": {"task": "webhooks.tasks.run_jobs", "schedule": 5.0, "options": {"expires": 5.0}},
    "prune": {"task": "webhooks.tasks.prune", "schedule": 3600.0, "options": {"expires": 3600.0}},
}
CELERY_BEAT_SCHEDULER = "invenicum.celery:Scheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")

# --- Alerts -------------------------------------------------------------------------------------

# Who is told that the service does not work; without any, the superusers.
ALERT_EMAILS: list[str] = env.list("ALERT_EMAILS", [])
ALERT_WEBHOOK_URL = secret("ALERT_WEBHOOK_URL")
ALERT_WEBHOOK_SECRET = secret("ALERT_WEBHOOK_SECRET")
if ALERT_WEBHOOK_URL and not ALERT_WEBHOOK_SECRET:
    raise ImproperlyConfigured(
        "Set ALERT_WEBHOOK_SECRET too: alerts are signed with it. `openssl rand -base64 32` makes one."
    )
# How large the database may become, for an alert before it is; 0 if that is not known.
DATABASE_MAX_BYTES = env.int("DATABASE_MAX_BYTES", 0)

# --- Logs ---------------------------------------------------------------------------------------

# Errors that are logged go to this Sentry project too.
SENTRY_DSN = secret("SENTRY_DSN")
SENTRY_ENVIRONMENT = env.str("SENTRY_ENVIRONMENT", "production")
# Traces go to the OpenTelemetry collector at this address.
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", "")
OTEL_EXPORTER_OTLP_HEADERS = secret("OTEL_EXPORTER_OTLP_HEADERS")
OTEL_SERVICE_NAME = env.str("OTEL_SERVICE_NAME", "invenicum")
for _name, _is_set, _module in (
    ("SENTRY_DSN", SENTRY_DSN, "sentry_sdk"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", OTEL_EXPORTER_OTLP_ENDPOINT, "opentelemetry"),
):
    if _is_set and not find_spec(_module):
        raise ImproperlyConfigured(
            f"{_name} is set, but the package that it needs is not installed: install requirements/telemetry.txt too."
        )
_level = env.str("LOG_LEVEL", "INFO").upper()
if _level not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
    raise ImproperlyConfigured(f"LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR; it is {_level}.")
LOGGING = logging.configure(_level)
if SENTRY_DSN:
    LOGGING = logging.with_reports(LOGGING, SENTRY_DSN, SENTRY_ENVIRONMENT, VERSION)
logging.capture_everything()
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# --- Limits -------------------------------------------------------------------------------------

vars().update(quotas.from_environment(env.int))
# How many threads of a web process may wait for other services at once.
OUTGOING_AT_ONCE = env.int("OUTGOING_AT_ONCE", max(WEB_THREADS // 4, 1))
# Failures to sign in, or to send an application's secret, after which more attempts are refused for a time.
SIGN_IN_FAILURES = env.int("SIGN_IN_FAILURES", 10)  # of one account at one address
SIGN_IN_FAILURES_PER_ACCOUNT = env.int("SIGN_IN_FAILURES_PER_ACCOUNT", 100)
SIGN_IN_FAILURES_PER_ADDRESS = env.int("SIGN_IN_FAILURES_PER_ADDRESS", 100)
SIGN_IN_LOCK_SECONDS = env.int("SIGN_IN_LOCK_SECONDS", 900)
# Whether all staff need a second factor for the admin.
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", False)
CONNECTION_TEST_TIMEOUT = env.float("CONNECTION_TEST_TIMEOUT", 10.0)  # seconds

# --- API ----------------------------------------------------------------------------------------

API_MAX_BODY = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = API_MAX_BODY
# What services send to /webhooks may be larger: GitHub's and GitLab's own limit is 25 MiB.
INBOUND_MAX_BODY = env.int("INBOUND_MAX_BODY", 25 * 1024 * 1024)
INBOUND_BYTES_AT_ONCE = env.int("INBOUND_BYTES_AT_ONCE", 64 * 1024 * 1024)  # in each web process
# Of the operator's Slack app, for the accounts that are connected to it with OAuth.
SLACK_SIGNING_SECRET = secret("SLACK_SIGNING_SECRET")
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
OAUTH2_PROVIDER = {
    "SCOPES": {
        "integrations:read": "See your integrations",
        "integrations:write": "Connect, change and remove your integrations",
        "assets:read": "See your assets",
        "assets:write": "Create, change and delete your assets",
        "events:write": "Publish events",
        "deliveries:read": "See events and deliveries",
        "deliveries:write": "Retry and replay deliveries",
        "events:publish-any": "Publish events for any owner",
        "accounts:write": "Remove accounts",
    },
    "PKCE_REQUIRED": True,
    # As RFC 9700 recommends; tokens are stored as digests only.
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 30 * 86_400,  # after the access token that was issued with it
    "SCOPES_BACKEND_CLASS": "invenicum.accounts.scopes.ApplicationScopes",
    "CLIENT_SECRET_HASHER": "random_secret",
    "OAUTH2_VALIDATOR_CLASS": "invenicum.accounts.oauth_validator.Validator",
}
OAUTH2_PROVIDER_APPLICATION_MODEL = "accounts.Application"

# --- Pages, language, time ----------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [  # of the portal, those of the app, each by its own name; the rest is in English
    ("en", "English"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("fr", "Français"),
    ("it", "Italiano"),
    ("pt", "Português"),
]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "invenicum" / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = not STATIC_ROOT.exists()  # without `collectstatic`, serve from the packages
warnings.filterwarnings("ignore", f"No directory at: {STATIC_ROOT}")
LOGIN_URL = LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "sign-in"
CSRF_FAILURE_VIEW = "invenicum.api.errors.forged_form"
EMAIL_CONFIG = dj_email_url.parse(
    address("EMAIL_URL", secret("EMAIL_URL") or "console://", dj_email_url.SCHEMES, "smtp+tls://user:password@host:587")
)
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = EMAIL_CONFIG.get("EMAIL_TIMEOUT") or 10  # seconds; a mail server that hangs must not stop the others
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "integrations@localhost")

refuse_unknown_files([name for name in globals() if name.isupper()])

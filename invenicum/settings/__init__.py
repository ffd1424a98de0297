"""Settings, all from the environment. docs/settings.md explains each to an operator.

Each is set in the module of its subject, from which it is imported here.
"""

import django_stubs_ext

from invenicum import quotas
from invenicum.env import env, refuse_unknown_files
from invenicum.settings import mail
from invenicum.settings.addresses import (
    BASE_DIR,
    DATA_DIR,
    HOST,
    PORT,
    PUBLIC_URL,
    WEB_BODY_MEMORY,
    WEB_THREADS,
    WEB_WORKERS,
)
from invenicum.settings.api import (
    API_MAX_BODY,
    DATA_UPLOAD_MAX_MEMORY_SIZE,
    INBOUND_BYTES_AT_ONCE,
    INBOUND_MAX_BODY,
    REST_FRAMEWORK,
    SPECTACULAR_SETTINGS,
)
from invenicum.settings.applications import (
    APPEND_SLASH,
    INSTALLED_APPS,
    MIDDLEWARE,
    ROOT_URLCONF,
    TEMPLATES,
    WSGI_APPLICATION,
)
from invenicum.settings.cache_and_queue import (
    CACHES,
    CELERY_ACCEPT_CONTENT,
    CELERY_BEAT_SCHEDULE,
    CELERY_BEAT_SCHEDULE_FILENAME,
    CELERY_BEAT_SCHEDULER,
    CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP,
    CELERY_BROKER_TRANSPORT_OPTIONS,
    CELERY_BROKER_URL,
    CELERY_EVENT_SERIALIZER,
    CELERY_RESULT_SERIALIZER,
    CELERY_TASK_ACKS_LATE,
    CELERY_TASK_IGNORE_RESULT,
    CELERY_TASK_QUEUES,
    CELERY_TASK_ROUTES,
    CELERY_TASK_SERIALIZER,
    CELERY_WORKER_HIJACK_ROOT_LOGGER,
    CELERY_WORKER_PREFETCH_MULTIPLIER,
    REDIS_OPTIONS,
    SHARED_CACHE,
)
from invenicum.settings.database import (
    DATABASE_MAX_BYTES,
    DATABASE_URL,
    DATABASES,
    DEFAULT_AUTO_FIELD,
    STATEMENT_TIMEOUT,
)
from invenicum.settings.keys import (
    DEBUG,
    EMBEDDED,
    FERNET_KEYS,
    INVENICUM_JWT_AUDIENCE,
    INVENICUM_JWT_SECRET,
    SECRET_KEY,
    SLACK_SIGNING_SECRET,
)
from invenicum.settings.oauth import (
    OAUTH2_PROVIDER,
    OAUTH2_PROVIDER_APPLICATION_MODEL,
    OAUTH_CLIENTS,
    OAUTH_RETURN_ORIGINS,
    OAUTH_SCOPES,
    OAUTH_SECRET_EXPIRY,
)
from invenicum.settings.observability import (
    ALERT_EMAILS,
    ALERT_WEBHOOK_SECRET,
    ALERT_WEBHOOK_URL,
    LOGGING,
    OTEL_EXPORTER_OTLP_ENDPOINT,
    OTEL_EXPORTER_OTLP_HEADERS,
    OTEL_SERVICE_NAME,
    SENTRY_DSN,
    SENTRY_ENVIRONMENT,
)
from invenicum.settings.outgoing import (
    AUDIT_RETENTION_DAYS,
    BACKFILL_DELIVERIES_PER_SECOND,
    CONNECTION_TEST_TIMEOUT,
    DELIVERY_TIMEOUT,
    EGRESS_ALLOW,
    EGRESS_DNS_LOOKUPS,
    EGRESS_DNS_LOOKUPS_PER_ACCOUNT,
    EGRESS_DNS_TIMEOUT,
    EGRESS_PORTS,
    EGRESS_PROXY,
    EGRESS_PROXY_RESOLVES,
    OUTGOING_AT_ONCE,
    PROVIDER_ENDPOINTS,
    RETENTION_DAYS,
    RETRY_SCHEDULE,
    TEAMS_CLOUD,
    TEAMS_TENANT,
)
from invenicum.settings.pages import (
    LANGUAGE_CODE,
    LANGUAGES,
    PORTAL_FRAME_ORIGINS,
    STATIC_ROOT,
    STATIC_URL,
    STATICFILES_DIRS,
    TIME_ZONE,
    USE_TZ,
    WHITENOISE_USE_FINDERS,
)
from invenicum.settings.security import (
    ALLOWED_HOSTS,
    AUTH_USER_MODEL,
    CORS_ALLOW_HEADERS,
    CORS_ALLOWED_ORIGINS,
    CORS_EXPOSE_HEADERS,
    CORS_URLS_REGEX,
    CSRF_COOKIE_SECURE,
    CSRF_FAILURE_VIEW,
    CSRF_TRUSTED_ORIGINS,
    LOGIN_REDIRECT_URL,
    LOGIN_URL,
    LOGOUT_REDIRECT_URL,
    PASSWORD_HASHERS,
    SECURE_HSTS_SECONDS,
    SECURE_PROXY_SSL_HEADER,
    SECURE_REFERRER_POLICY,
    SESSION_COOKIE_SAMESITE,
    SESSION_COOKIE_SECURE,
    SESSION_ENGINE,
    SIGN_IN_FAILURES,
    SIGN_IN_FAILURES_PER_ACCOUNT,
    SIGN_IN_FAILURES_PER_ADDRESS,
    SIGN_IN_LOCK_SECONDS,
    SILENCED_SYSTEM_CHECKS,
    STAFF_SECOND_FACTOR,
    X_FRAME_OPTIONS,
)

django_stubs_ext.monkeypatch()  # makes `ModelAdmin[Asset]` and similar work at run time
vars().update(mail.MAIL)  # EMAIL_HOST, EMAIL_PORT, …
vars().update(quotas.from_environment(env.int))  # QUOTA_ASSETS, QUOTA_TOKENS, …
refuse_unknown_files([name for name in globals() if name.isupper()])

"""Alerts, logs, error reports and traces."""

from importlib.util import find_spec

from django.core.exceptions import ImproperlyConfigured

from invenicum import logging
from invenicum.env import env, secret
from invenicum.version import VERSION

# Who is told that the service does not work; without any, the superusers.
ALERT_EMAILS: list[str] = env.list("ALERT_EMAILS", [])
ALERT_WEBHOOK_URL = secret("ALERT_WEBHOOK_URL")
ALERT_WEBHOOK_SECRET = secret("ALERT_WEBHOOK_SECRET")
if ALERT_WEBHOOK_URL and not ALERT_WEBHOOK_SECRET:
    raise ImproperlyConfigured(
        "Set ALERT_WEBHOOK_SECRET too: alerts are signed with it. `openssl rand -base64 32` makes one."
    )

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

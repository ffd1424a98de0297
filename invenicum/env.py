"""The readers of the environment: `env`, and those for secrets, JSON, OAuth clients and kept keys."""

import difflib
import json
import os
import re
import secrets
from collections.abc import Collection
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import Env

env = Env()
_SCOPES_VARIABLE = re.compile(r"OAUTH_(?P<type>[A-Z0-9_]+)_SCOPES")
_EXPIRY_VARIABLE = re.compile(r"OAUTH_(?P<type>[A-Z0-9_]+)_CLIENT_SECRET_EXPIRES")
_OAUTH_VARIABLE = re.compile(r"OAUTH_(?P<type>[A-Z0-9_]+)_CLIENT_(ID|SECRET)(_FILE)?")
_RATE = re.compile(r"[1-9][0-9]*/(s|sec|second|m|min|minute|h|hour|d|day)")
# What can also be given as a file, besides OAuth clients.
SECRETS = frozenset(
    {
        "ALERT_WEBHOOK_SECRET",
        "ALERT_WEBHOOK_URL",
        "CELERY_BROKER_URL",
        "DATABASE_URL",
        "EGRESS_PROXY",
        "EMAIL_URL",
        "FERNET_KEYS",
        "INVENICUM_JWT_SECRET",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "RECEIVER_SECRET",
        "SECRET_KEY",
        "SENTRY_DSN",
        "SLACK_SIGNING_SECRET",
    }
)


def secret(name: str, default: str = "") -> str:
    """The variable `name`, or the content of the file that `<name>_FILE` names (for mounted secrets).

    Raises ImproperlyConfigured for a file that cannot be read or is empty, and KeyError for a `name` that is in neither
    `SECRETS` nor one of an OAuth client.
    """
    if name not in SECRETS and not _OAUTH_VARIABLE.fullmatch(name):
        raise KeyError(name)
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return os.environ.get(name, default)
    try:
        value = Path(path).read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE: {error.strerror}: {path}") from None
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{name}_FILE: this is no text: {path}") from None
    if not value:  # or a file that is mounted late would start the service with a database of its own
        raise ImproperlyConfigured(f"{name}_FILE: the file is empty: {path}")
    return value


def refuse_unknown_files(settings: Collection[str]) -> None:
    """Raises ImproperlyConfigured for a `<NAME>_FILE` that is not read although it looks as if it was meant for us.

    Its `NAME` is one of `settings` or almost one of `SECRETS` (`DATABSE_URL_FILE`), or it begins with `OAUTH_`. Other
    programs' variables, such as `SSL_CERT_FILE`, are left alone.
    """
    for variable in sorted(os.environ):
        name = variable.removesuffix("_FILE")
        if name == variable or name in SECRETS or _OAUTH_VARIABLE.fullmatch(name):
            continue
        similar = difflib.get_close_matches(name, SECRETS, n=1, cutoff=0.85)
        if similar:
            raise ImproperlyConfigured(f"{variable} is not understood: did you mean {similar[0]}_FILE?")
        if name in settings or name.startswith("OAUTH_"):
            raise ImproperlyConfigured(f"{variable} is not understood: only secrets can be files. Set {name} instead.")


def address(name: str, value: str, schemes: Collection[str], example: str) -> str:
    """`value`, the address in the variable `name`, if it can be taken apart and has one of `schemes`.

    A scheme may go on after a plus, as in `redis+socket`.
    Raises ImproperlyConfigured otherwise, with `example`, and without the value: it may have a password.
    """
    scheme = ""
    with suppress(ValueError):
        parts = urlsplit(value)
        _ = parts.port  # raises ValueError if it is no number
        scheme = parts.scheme
    if not {scheme, scheme.partition("+")[0]} & set(schemes):
        raise ImproperlyConfigured(f"{name} must be an address such as {example}.")
    return value


def rate(name: str, default: str) -> str:
    """The variable `name`, a number of requests in a period, e.g. `120/min`."""
    value = os.environ.get(name) or default
    if not _RATE.fullmatch(value):
        raise ImproperlyConfigured(f"{name} must be a number and a period, for example {default}; it is {value}.")
    return value


def folder(name: str, path: Path) -> Path:
    """The folder `path` of the variable `name`, made for its owner only if it does not exist."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(0, "Permission denied")
    except OSError as error:
        raise ImproperlyConfigured(f"{name}={path} is not usable: {error.strerror}.") from None
    return path


def oauth_clients() -> dict[str, tuple[str, str]]:
    """Our OAuth clients by integration type, each an id and a secret, e.g. `{"slack": ("12.34", "s3cret")}`.

    They are the variables `OAUTH_<TYPE>_CLIENT_ID` and `OAUTH_<TYPE>_CLIENT_SECRET`, or their `…_FILE`. A value that is
    not set is empty. Raises ImproperlyConfigured for a file that cannot be read.
    """
    names = sorted({found["type"] for found in map(_OAUTH_VARIABLE.fullmatch, os.environ) if found})
    clients = {
        name.lower(): (secret(f"OAUTH_{name}_CLIENT_ID"), secret(f"OAUTH_{name}_CLIENT_SECRET")) for name in names
    }
    return {integration_type: client for integration_type, client in clients.items() if any(client)}


def oauth_scopes() -> dict[str, tuple[str, ...]]:
    """The variables `OAUTH_<TYPE>_SCOPES`, each a list separated by spaces, by integration type.

    For example `{"google_drive": ("https://www.googleapis.com/auth/drive",)}`.
    """
    found = {match["type"].lower(): name for name in os.environ if (match := _SCOPES_VARIABLE.fullmatch(name))}
    return {integration_type: tuple(os.environ[name].split()) for integration_type, name in sorted(found.items())}


def oauth_secret_expiry() -> dict[str, date]:
    """The variables `OAUTH_<TYPE>_CLIENT_SECRET_EXPIRES`, each a day as `2027-03-31`, by integration type.

    Raises ImproperlyConfigured for one that is no day.
    """
    found = {match["type"].lower(): name for name in os.environ if (match := _EXPIRY_VARIABLE.fullmatch(name))}
    days = {}
    for integration_type, name in sorted(found.items()):
        if not os.environ[name]:
            continue
        try:
            days[integration_type] = date.fromisoformat(os.environ[name])
        except ValueError:
            raise ImproperlyConfigured(f"{name} must be a day, for example 2027-03-31.") from None
    return days


def json_object(name: str) -> dict[str, Any]:
    """The variable `name` as a JSON object; empty if it is not set."""
    text = os.environ.get(name) or "{}"
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a JSON object: {error}.") from None
    if not isinstance(value, dict):
        raise ImproperlyConfigured(f"{name} must be a JSON object.")
    return value


def kept_secret(path: Path) -> str:
    """The random secret kept in the file `path`, created there on the first call, readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written to another name and linked into place: of two processes that start at once, both read one whole file.
    if not path.exists():
        aside = path.with_name(f"{path.name}.{os.getpid()}")
        aside.touch(mode=0o600)
        aside.write_text(secrets.token_urlsafe(48))
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return path.read_text().strip()

"""The readers of the environment, for what `environs` does not read: secrets, JSON, OAuth clients, kept keys."""

import json
import os
import re
import secrets
from datetime import date
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

_SCOPES_VARIABLE = re.compile(r"OAUTH_(?P<type>[A-Z0-9_]+)_SCOPES")
_EXPIRY_VARIABLE = re.compile(r"OAUTH_(?P<type>[A-Z0-9_]+)_CLIENT_SECRET_EXPIRES")
_OAUTH_VARIABLE = re.compile(r"OAUTH_(?P<type>[A-Z0-9_]+)_CLIENT_(ID|SECRET)(_FILE)?")


def secret(name: str, default: str = "") -> str:
    """The variable `name`, or the content of the file that `<name>_FILE` names (for mounted secrets)."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: {error.strerror}: {path}") from None
    return os.environ.get(name, default)


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

"""Keys and secrets of the service itself. Those of OAuth clients are in `oauth.py`."""

from django.core.exceptions import ImproperlyConfigured

from invenicum.env import env, folder, kept_secret, secret
from invenicum.settings.addresses import DATA_DIR
from invenicum.settings.database import DATABASE_URL

DEBUG = env.bool("DEBUG", False)
# Without DATABASE_URL the service is embedded: one machine, nothing to install. It then creates its keys and keeps
# them under DATA_DIR. Everything else is production and must be given its keys.
EMBEDDED = not DATABASE_URL and env.str("DEBUG", None) is None

SECRET_KEY = secret("SECRET_KEY")
FERNET_KEYS = [key.strip() for key in secret("FERNET_KEYS").split(",") if key.strip()]
_missing = [name for name, value in (("SECRET_KEY", SECRET_KEY), ("FERNET_KEYS", FERNET_KEYS)) if not value]
if _missing:
    if not (DEBUG or EMBEDDED):
        raise ImproperlyConfigured(
            f"Set {' and '.join(_missing)}: a production start needs its own keys (see docs/settings.md)."
        )
    folder("DATA_DIR", DATA_DIR)
SECRET_KEY = SECRET_KEY or kept_secret(DATA_DIR / "secret_key")
FERNET_KEYS = FERNET_KEYS or [kept_secret(DATA_DIR / "fernet_key")]

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

# Of the operator's Slack app, for the accounts that are connected to it with OAuth.
SLACK_SIGNING_SECRET = secret("SLACK_SIGNING_SECRET")

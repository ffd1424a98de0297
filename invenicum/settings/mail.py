"""Mail: EMAIL_URL as Django's settings."""

from typing import Any

import dj_email_url

from invenicum.env import address, env, secret

_URL = secret("EMAIL_URL") or "console://"
_PARSED = dj_email_url.parse(address("EMAIL_URL", _URL, dj_email_url.SCHEMES, "smtp+tls://user:password@host:587"))
# EMAIL_HOST, EMAIL_PORT and so on: those that the address has.
MAIL: dict[str, Any] = {
    **_PARSED,
    "EMAIL_TIMEOUT": _PARSED.get("EMAIL_TIMEOUT") or 10,  # seconds; a mail server that hangs must not stop the others
    "DEFAULT_FROM_EMAIL": env.str("DEFAULT_FROM_EMAIL", "integrations@localhost"),
}

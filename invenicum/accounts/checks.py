from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

MIN_SECRET = 32  # bytes: a key for HS256 must be as long as its digest (RFC 7518, 3.2)


@register(Tags.security)
def check_jwt_secret(app_configs: Sequence[Any] | None, **options: Any) -> list[CheckMessage]:
    secret = settings.INVENICUM_JWT_SECRET
    if not secret or len(secret.encode()) >= MIN_SECRET:
        return []
    return [
        Error(
            f"INVENICUM_JWT_SECRET is shorter than {MIN_SECRET} bytes: whoever guesses it can be any user.",
            hint="Make one with `openssl rand -base64 48` and give it to the app and to this service.",
            id="invenicum.E001",
        )
    ]

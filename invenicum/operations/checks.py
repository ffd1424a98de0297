"""What `manage.py check --deploy` says about a start that works but is not safe to expose."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register


@register(Tags.security, deploy=True)
def check_exposure(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return list(_exposure())


def _exposure() -> Iterator[CheckMessage]:
    if not settings.PUBLIC_URL.startswith("https://"):
        yield Warning(
            "PUBLIC_URL is not https: passwords, access tokens and session cookies cross the network readable.",
            hint="Put a proxy with TLS in front (deploy/), then set PUBLIC_URL=https://… and BEHIND_PROXY=true.",
            id="operations.W001",
        )
    elif settings.SECURE_PROXY_SSL_HEADER is None:
        yield Warning(
            "PUBLIC_URL is https, but BEHIND_PROXY is not set: requests look like http, and no HSTS is sent.",
            hint="Set BEHIND_PROXY=true if a proxy terminates TLS and sets X-Forwarded-Proto, as those in deploy/ do.",
            id="operations.W002",
        )

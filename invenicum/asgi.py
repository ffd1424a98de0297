"""The ASGI application of the web server: probes on the event loop, everything else by Django in threads."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "invenicum.settings")
django = get_wsgi_application()

# Django must be set up before models are imported.
from invenicum.operations.probes import make_probes  # noqa: E402
from invenicum.web.application import Application  # noqa: E402

HOOKS = "/webhooks/"


def body_limit(path: str) -> int:
    """The most bytes that are read of a request to this path."""
    return settings.INBOUND_MAX_BODY if path.startswith(HOOKS) else settings.API_MAX_BODY


application = Application(
    django,
    threads=settings.WEB_THREADS,
    probes=make_probes(),
    body_limit=body_limit,
    body_memory=settings.WEB_BODY_MEMORY,
)

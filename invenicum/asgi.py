"""The ASGI application of the web server: probes on the event loop, everything else by Django in threads."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "invenicum.settings")
django = get_wsgi_application()

# Django must be set up before models are imported.
from integrations import grouped_reads  # noqa: E402
from integrations.core.inbound import InvalidSignature  # noqa: E402
from invenicum import tracing  # noqa: E402
from invenicum.assets import grouped_creation  # noqa: E402
from invenicum.events import ingest  # noqa: E402
from invenicum.operations.probes import make_probes  # noqa: E402
from invenicum.operations.request_counters import RequestCounters  # noqa: E402
from invenicum.operations.watching import watch_for_engine  # noqa: E402
from invenicum.web.answers import Scope  # noqa: E402
from invenicum.web.application import Application  # noqa: E402
from invenicum.web.request_counts import RequestCounts  # noqa: E402
from webhooks.inbound.keys import NoInbound  # noqa: E402
from webhooks.inbound.receive import TooLarge, expect  # noqa: E402

HOOKS = "/webhooks/"


def body_limit(path: str) -> int:
    """The most bytes that are read of a request to this path."""
    return settings.INBOUND_MAX_BODY if path.startswith(HOOKS) else settings.API_MAX_BODY


def judge_body(scope: Scope, length: int) -> bool:
    """Whether a body of `length` bytes is read: a large hook is not if no integration can verify it."""
    path: str = scope["path"]
    if not path.startswith(HOOKS):
        return True
    integration_type, _, integration_id = path.removeprefix(HOOKS).strip("/").partition("/")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    close_old_connections()
    try:
        expect(integration_type, integration_id, headers, length)
    except (NoInbound, InvalidSignature, TooLarge, DatabaseError):
        return False  # Django's answer says why
    finally:
        close_old_connections()
    return True


counts = RequestCounts()
application = Application(
    django,
    threads=settings.WEB_THREADS,
    probes=make_probes(),
    body_limit=body_limit,
    judge_body=judge_body,
    body_memory=settings.WEB_BODY_MEMORY,
    beside=[watch_for_engine, RequestCounters(counts).keep_written],
    handlers=ingest.handlers() | grouped_creation.handlers() | grouped_reads.handlers(),
    counts=counts,
    tracer=tracing.tracer(),
)

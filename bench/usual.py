"""The usual design, for comparison: one Celery task and one `requests.post` for each delivery.

It uses the same tables, log, signatures and encryption.
"""

import threading
import time
import uuid

import django
import requests
from celery import Celery
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from requests.adapters import HTTPAdapter

settings.DATABASES["default"]["CONN_HEALTH_CHECKS"] = False  # a statement less for each task
django.setup()

from integrations.core.signing import invenicum_signature, standard_key, standard_signature  # noqa: E402
from webhooks.models import Attempt, Delivery  # noqa: E402

# Celery's support for Django would close the database connection before and after every task.
app = Celery("usual", set_as_current=False, fixups=[])
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.worker_prefetch_multiplier = 16
_local = threading.local()


@app.task(ignore_result=True, acks_late=True)
def send(delivery_id: str) -> None:
    delivery = Delivery.objects.select_related("event", "integration").get(id=uuid.UUID(delivery_id))
    if delivery.status != Delivery.Status.PENDING:
        return
    event, integration = delivery.event, delivery.integration
    body, secret, now = event.body.encode(), integration.secrets["secret"], int(time.time())
    headers = {
        "Content-Type": "application/json",
        "X-Invenicum-Signature": invenicum_signature(secret, body),
        "webhook-id": event.public_id,
        "webhook-timestamp": str(now),
        "webhook-signature": standard_signature([standard_key(secret)], event.public_id, now, body),
    }
    started_at, clock = timezone.now(), time.monotonic()
    response = session().post(integration.config["url"], body, headers=headers, timeout=(5, 15), allow_redirects=False)
    response.raise_for_status()
    with transaction.atomic():
        Attempt.objects.create(
            delivery=delivery,
            started_at=started_at,
            duration_ms=round((time.monotonic() - clock) * 1000),
            status_code=response.status_code,
            response_excerpt=response.text[:1000],
        )
        delivery.status = Delivery.Status.DELIVERED
        delivery.attempt_count += 1
        delivery.due_at = None
        delivery.finished_at = timezone.now()
        delivery.save(update_fields=["status", "attempt_count", "due_at", "finished_at"])


def session() -> requests.Session:
    """The session of this thread, with a connection for each endpoint."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
        _local.session.trust_env = False  # otherwise it reads the environment for each request
        _local.session.mount("http://", HTTPAdapter(pool_connections=1000))
    return _local.session

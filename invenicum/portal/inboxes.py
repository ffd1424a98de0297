"""What a test inbox receives: bounded in number, bytes and time, and judged as a receiver would."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, transaction
from django.db.models import Exists, QuerySet
from django.db.models.functions import Now
from django.dispatch import receiver
from django.utils import timezone

from integrations import previews, signing_secrets
from integrations.core.preview import MASK
from integrations.core.signature_faults import Finding, Received, findings
from invenicum.accounts.models import User
from invenicum.api.throttling import UserThrottle
from webhooks.signals import watch_conditions, watch_due

from .models import Inbox, InboxRequest

INBOX_LIFETIME = timedelta(hours=24)
MAX_REQUESTS = 50  # kept of one inbox: the newest
MAX_BODY_BYTES = 1024 * 1024  # accepted
MAX_KEPT_BYTES = 32 * 1024  # of a body
MAX_HEADERS = 50
MAX_HEADER_CHARACTERS = 500  # kept of a value
INBOX_PATH = "/portal/inbox/"
# The values of others may be secret: what the owner has typed as `headers` of the webhook, for example.
SHOWN_HEADERS = ("content-type", "content-length", "user-agent", "accept", "host", "x-request-id")
SHOWN_PREFIXES = ("webhook-", "x-invenicum-")

log = structlog.get_logger(__name__)


class InboxThrottle(UserThrottle):
    """How often an inbox receives. Its answer to more is 429, after which a delivery is tried again."""

    scope = "inbox"
    rate = "60/min"


def address_of(inbox: Inbox) -> str:
    """The address that it receives at, e.g. `https://integrations.example.com/portal/inbox/K3y…`."""
    return f"{settings.PUBLIC_URL}{INBOX_PATH}{inbox.key}"


def find(owner: User) -> Inbox | None:
    """The owner's inbox, or None."""
    return Inbox.objects.filter(owner=owner, expires_at__gt=timezone.now()).first()


@transaction.atomic
def open_inbox(owner: User) -> Inbox:
    """A new inbox of the owner, for INBOX_LIFETIME, in the place of the one that there may be."""
    Inbox.objects.filter(owner=owner).delete()
    return Inbox.objects.create(owner=owner, key=secrets.token_urlsafe(32), expires_at=timezone.now() + INBOX_LIFETIME)


def extend(inbox: Inbox) -> None:
    """Keeps an inbox for INBOX_LIFETIME from now on."""
    Inbox.objects.filter(pk=inbox.pk).update(expires_at=timezone.now() + INBOX_LIFETIME)


def find_by_key(key: str) -> Inbox | None:
    """The inbox of that key, with its owner; None if there is none any more."""
    live = Inbox.objects.filter(key=key, expires_at__gt=timezone.now(), owner__is_active=True)
    return live.select_related("owner").first()


def receive(inbox: Inbox, method: str, headers: Mapping[str, str], body: bytes) -> InboxRequest:
    """Keeps a request with what is to be said of it; the oldest ones beyond MAX_REQUESTS are removed."""
    found = judge(inbox.owner, {name.lower(): value for name, value in headers.items()}, body)
    kept = InboxRequest.objects.create(
        inbox=inbox,
        received_at=timezone.now(),
        method=method,
        headers=[_shown(name, value) for name, value in list(headers.items())[:MAX_HEADERS]],
        body=body[:MAX_KEPT_BYTES],
        size=len(body),
        findings=[[one.fault, one.about, one.detail] for one in found],
    )
    oldest = InboxRequest.objects.filter(inbox=inbox).values_list("pk", flat=True)[MAX_REQUESTS : MAX_REQUESTS + 1]
    if last := next(iter(oldest), None):
        InboxRequest.objects.filter(inbox=inbox, pk__lte=last).delete()
    return kept


def judge(owner: User, headers: Mapping[str, str], body: bytes, **more: Any) -> list[Finding]:
    """What is right and what is wrong with a request to a webhook of the owner's. `more`: of `Received`."""
    known = signing_secrets.known_secrets(owner, "webhook")
    sent = previews.sent_body(owner, "webhook", headers.get("webhook-id", ""))
    received = Received(
        body=body,
        headers=headers,
        now=timezone.now().timestamp(),
        current=known.current if known else "",
        previous=known.previous if known else "",
        sent=sent,
        **more,
    )
    return findings(received)


def send_sample(inbox: Inbox) -> None:
    """Has the owner's saved webhook make its request for a sample, and the inbox receive it, without the network.

    Raises IntegrationNotFound, InvalidConfig or another IntegrationError.
    """
    request = previews.sample_request(inbox.owner, "webhook")
    receive(inbox, request.method, request.headers, request.body)


@receiver(watch_conditions)
def conditions(now: Now, **kwargs: Any) -> list[Exists]:
    """There is something to remove if an inbox has expired."""
    return [Exists(_expired(now))]


def _expired(now: datetime | Now) -> QuerySet[Inbox]:
    return Inbox.objects.filter(expires_at__lte=now)


@receiver(watch_due)
def remove_expired(**kwargs: Any) -> None:
    """Removes inboxes whose time is over, with what they received."""
    try:
        _expired(timezone.now()).delete()
    except Error as error:
        log.warning("database_failed", duty="inboxes", error=str(error).strip())


def _shown(name: str, value: str) -> list[str]:
    is_known = name.lower() in SHOWN_HEADERS or name.lower().startswith(SHOWN_PREFIXES)
    return [name[:MAX_HEADER_CHARACTERS], value[:MAX_HEADER_CHARACTERS] if is_known else MASK]

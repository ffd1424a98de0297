"""Mail to the owners of integrations, and to operators."""

from typing import Any, Protocol

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import send_mail

log = structlog.get_logger(__name__)


class Owner(Protocol):
    """A user. `mail_alerts`: whether they want these mails."""

    pk: Any
    email: Any
    mail_alerts: Any


def send_to_owner(owner: Owner, subject: str, text: str, *, always: bool = False) -> None:
    """Sends one mail, if the owner has an address and wants mails; `always`: also if not, for what the owner must know.

    `subject` follows the product's name, e.g. "connect Dropbox again"; `text` is plain text. A mail that cannot be sent
    is logged and never raises, so that the caller continues.
    """
    if not owner.email or not (always or owner.mail_alerts):
        return
    try:
        send_mail(f"Invenicum: {subject}", text, None, [owner.email])
    except Exception as error:  # noqa: BLE001
        log.warning("mail_not_sent", user=owner.pk, error=type(error).__name__)


def send_to_operators(subject: str, text: str) -> None:
    """Sends one mail to ALERT_EMAILS, or else to the superusers who have an address. The rest as in `send_to_owner`."""
    superusers = get_user_model().objects.filter(is_superuser=True, is_active=True).exclude(email="")
    addresses = settings.ALERT_EMAILS or list(superusers.values_list("email", flat=True))
    if not addresses:
        return
    try:
        send_mail(f"Invenicum: {subject}", text, None, addresses)
    except Exception as error:  # noqa: BLE001
        log.warning("mail_not_sent", to="operators", error=type(error).__name__)

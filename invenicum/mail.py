"""Mail to the owners of integrations."""

import structlog
from django.contrib.auth.models import AbstractUser
from django.core.mail import send_mail

log = structlog.get_logger(__name__)


def send_to_owner(owner: AbstractUser, subject: str, text: str) -> None:
    """Sends one mail, if the owner has an address.

    `subject` follows the product's name, e.g. "connect Dropbox again"; `text` is plain text. A mail that cannot be sent
    is logged and never raises, so that the caller continues.
    """
    if not owner.email:
        return
    try:
        send_mail(f"Invenicum: {subject}", text, None, [owner.email])
    except Exception as error:  # noqa: BLE001
        log.warning("mail_not_sent", user=owner.pk, error=type(error).__name__)

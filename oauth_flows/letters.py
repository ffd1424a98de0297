"""Letters to the owners of connections that their provider accepts no more."""

import structlog
from django.core.mail import send_mail
from django.utils import timezone

from integrations import registry

from .models import Grant

log = structlog.get_logger(__name__)


def tell_owners(limit: int = 20) -> int:
    """Writes to the owners of connections that were refused, each once. Returns to how many."""
    untold = Grant.objects.filter(refused_at__isnull=False, owner_told_at=None, integration__deleted_at=None)
    told = 0
    for grant in untold.select_related("integration__owner").defer("tokens")[:limit]:
        # Marked before it is sent: two workers must not both write, and a mail that bounces is not sent again.
        if Grant.objects.filter(pk=grant.pk, owner_told_at=None).update(owner_told_at=timezone.now()):
            _tell(grant)
            told += 1
    return told


def _tell(grant: Grant) -> None:
    owner, name = grant.integration.owner, registry.get(grant.integration.type).name
    if not owner.email:
        return
    account = f" ({grant.account})" if grant.account else ""
    text = (
        f"{name} no longer accepts the connection that Invenicum has to your account{account}.\n\n"
        f"What happens to your assets meanwhile is kept. Connect {name} again in Invenicum, under Integrations, "
        "and it is delivered.\n"
    )
    try:
        send_mail(f"Invenicum: connect {name} again", text, None, [owner.email])
    except Exception as error:  # noqa: BLE001 - whatever a mail server does, tokens matter more
        log.warning("mail_not_sent", grant=grant.pk, error=type(error).__name__)

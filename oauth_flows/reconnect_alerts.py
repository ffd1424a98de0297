"""Letters to the owners of connections that their provider accepts no more."""

from django.utils import timezone

from integrations import registry
from invenicum.mail import send_to_owner

from .models import Grant


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
    account = f" ({grant.account})" if grant.account else ""
    text = (
        f"{name} no longer accepts the connection that Invenicum has to your account{account}.\n\n"
        f"What happens to your assets meanwhile is kept. Connect {name} again in Invenicum, under Integrations, "
        "and it is delivered.\n"
    )
    send_to_owner(owner, f"connect {name} again", text)

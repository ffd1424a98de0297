"""Mail to the owners of connections that their provider no longer accepts."""

from collections.abc import Callable

from django.db.models import QuerySet
from django.utils import timezone

from integrations import registry
from invenicum.mail import send_to_owner

from .models import Grant


def unnotified() -> QuerySet[Grant]:
    """The refused connections whose owners are still to be told."""
    return Grant.objects.filter(refused_at__isnull=False, owner_notified_at=None, integration__deleted_at=None)


def notify_owners(limit: int = 20, is_over: Callable[[], bool] = lambda: False) -> int:
    """Mails the owners of at most `limit` refused connections, once for each refusal. Returns how many.

    `is_over` is asked before each mail whether the rest is left to the next call.
    """
    count = 0
    for grant in unnotified().select_related("integration__owner").defer("tokens", "integration__secrets")[:limit]:
        if is_over():
            break
        # Marked before it is sent: two workers must not both send it, and a mail that bounces is not sent again.
        if Grant.objects.filter(pk=grant.pk, owner_notified_at=None).update(owner_notified_at=timezone.now()):
            _notify(grant)
            count += 1
    return count


def _notify(grant: Grant) -> None:
    owner, name = grant.integration.owner, registry.get(grant.integration.type).name
    account = f" ({grant.account})" if grant.account else ""
    if not grant.is_needed:
        text = (
            f"{name} no longer accepts the token that Invenicum has for your account{account}.\n\n"
            "Events about your assets still arrive where you chose at the consent. What needs the token does not work "
            f"meanwhile, such as another channel or name. Connect {name} again in Invenicum, under Integrations.\n"
        )
        send_to_owner(owner, f"connect {name} again", text)
        return
    text = (
        f"{name} no longer accepts the connection that Invenicum has to your account{account}.\n\n"
        f"Events about your assets are kept meanwhile. Connect {name} again in Invenicum, under Integrations, and they "
        "are delivered.\n"
    )
    send_to_owner(owner, f"connect {name} again", text)

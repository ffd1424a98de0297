"""What tests look at in the audit trail."""

from django.db.models import QuerySet

from invenicum.audit.models import AuditEntry

Action = AuditEntry.Action
OF_CONNECTIONS = (
    Action.CONNECTED,
    Action.RECONNECTED,
    Action.CONNECT_FAILED,
    Action.CONSENTED,
    Action.NOT_CONFIRMED,
    Action.REFRESH_FAILED,
    Action.REFUSED,
    Action.DISCONNECTED,
    Action.REVOKED,
    Action.REVOCATION_GIVEN_UP,
)


def connection_entries() -> QuerySet[AuditEntry]:
    """The entries about connections with OAuth: not those about the tokens and the integrations of the same test."""
    return AuditEntry.objects.filter(action__in=OF_CONNECTIONS)

"""The background work of OAuth."""

from .reconnect_alerts import notify_owners
from .revoke import revoke_due
from .tokens import refresh_due


def run_due_jobs() -> None:
    """Refreshes tokens, revokes tokens and notifies the owners of refused connections, as far as it is due."""
    refresh_due()
    revoke_due()
    notify_owners()

"""The background work of OAuth."""

from . import confirmations, start_links
from .reconnect_alerts import notify_owners
from .revoke import revoke_due
from .tokens import refresh_due


def run_due_jobs() -> None:
    """Does what is due: refreshes tokens, ends what was not confirmed, revokes tokens, notifies owners."""
    refresh_due()
    start_links.remove_expired()
    confirmations.expire()
    revoke_due()
    notify_owners()

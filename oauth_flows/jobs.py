from .reconnect_alerts import tell_owners
from .revoke import revoke_due
from .tokens import refresh_due


def run_due_jobs() -> None:
    """What OAuth owes to providers and owners: tokens to refresh, tokens to give back, letters to write."""
    refresh_due()
    revoke_due()
    tell_owners()

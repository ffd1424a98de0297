"""Carries out the due jobs of one kind in the test's own thread. `duties.run_all` does all kinds."""

from integrations.job_loop import run_due_jobs
from integrations.provider_jobs import ProviderJobRunner
from oauth_flows.revoke import RevocationRunner


def run_provider_jobs() -> int:
    """Registers and removes hooks. Returns how many jobs were begun."""
    return run_due_jobs([ProviderJobRunner()])


def revoke_due() -> int:
    """Revokes tokens. Returns how many revocations were begun."""
    return run_due_jobs([RevocationRunner()])

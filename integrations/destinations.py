"""What can be said of a destination when it is saved, before a request to it is refused."""

from urllib.parse import urlsplit

from django.conf import settings

from .core.config import ConnectorConfig
from .core.errors import InvalidConfig
from .egress.policy import port_problem


def check_ports(config: ConnectorConfig) -> None:
    """Raises InvalidConfig, with details by JSON name, if a destination of `config` has a port that is not allowed."""
    facts = config.facts()
    # Where a service sends hooks (`only_with`) is not an address that this service sends anything to.
    sent_to = {alias for fact in facts for alias in fact.sent_to if alias != fact.only_with}
    values = {fact.alias: getattr(config, fact.name) for fact in facts if fact.alias in sent_to}
    urls = {alias: url for alias, url in values.items() if isinstance(url, str) and "://" in url}
    problems = {alias: port_problem(urlsplit(url).port, settings.EGRESS_PORTS) for alias, url in urls.items()}
    details = {alias: [problem] for alias, problem in problems.items() if problem}
    if details:
        name, [problem] = next(iter(details.items()))
        raise InvalidConfig(f"{name} {problem}.", details)

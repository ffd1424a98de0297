"""All connectors. A new one needs its file and one line here."""

from collections.abc import Iterator

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .connectors.bitbucket import Bitbucket
from .connectors.discord import Discord
from .connectors.dropbox import Dropbox
from .connectors.github import GitHub
from .connectors.gitlab import GitLab
from .connectors.google_analytics import GoogleAnalytics
from .connectors.google_drive import GoogleDrive
from .connectors.mixpanel import Mixpanel
from .connectors.s3 import S3
from .connectors.slack import Slack
from .connectors.teams import Teams
from .connectors.teams.clouds import endpoints_of
from .connectors.webhook import Webhook
from .core.connector import Connector

CONNECTORS: tuple[type[Connector], ...] = (
    S3,
    GoogleDrive,
    Dropbox,
    GitHub,
    GitLab,
    Bitbucket,
    Slack,
    Discord,
    Teams,
    GoogleAnalytics,
    Mixpanel,
    Webhook,
)


# The types whose connectors send the body of an event as it is.
TYPES_WITHOUT_DOCUMENT = [connector.type for connector in CONNECTORS if not connector.reads_document]


class UnknownType(LookupError):
    """No connector has this type."""


def get(integration_type: str) -> Connector:
    """The connector of a type, e.g. `slack`, with the addresses that the setting PROVIDER_ENDPOINTS gives it.

    Raises UnknownType.
    """
    for connector in CONNECTORS:
        if connector.type == integration_type:
            return connector(_endpoints_of(integration_type))
    raise UnknownType(integration_type)


def _endpoints_of(integration_type: str) -> dict[str, str]:
    given: dict[str, str] = settings.PROVIDER_ENDPOINTS.get(integration_type, {})
    if integration_type != Teams.type:
        return given
    try:
        return {**endpoints_of(settings.TEAMS_CLOUD, settings.TEAMS_TENANT), **given}
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from None


def all_connectors() -> Iterator[Connector]:
    """Every connector, in the order of the catalog."""
    return (get(connector.type) for connector in CONNECTORS)

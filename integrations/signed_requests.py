"""A request as it is sent to a receiver that verifies signatures, signed now, for its owner to send by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from integrations.core.redaction import redact
from invenicum.accounts.models import User
from invenicum.events.message import Message

from . import lookups, registry
from .core.http import Request
from .core.preview import first_write
from .signing_secrets import NoSigningSecret


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The request, and the names of those of its headers whose values are secret: they must not be shown."""

    request: Request
    hidden: tuple[str, ...]


def signed_request(owner: User, integration_type: str, message: Message, now: int) -> SignedRequest:
    """The request that the owner's integration of a type is sent for a message, signed at the Unix time `now`.

    Nothing is sent, and no access token asked for. The signature is valid for as long as the receiver accepts its time.
    Raises UnknownType, IntegrationNotFound, NoSigningSecret if the type signs nothing, or an IntegrationError.
    """
    integration, connector = lookups.find(owner, integration_type), registry.get(integration_type)
    if connector.signing_secret is None:
        raise NoSigningSecret(integration_type)
    config = integration.load_config()
    request = first_write(
        partial(connector.deliver, message, config, now), lambda asked: connector.only_reads(asked, config)
    )
    if request is None:
        raise NoSigningSecret(integration_type)
    secrets = config.secret_texts()
    hidden = tuple(
        name
        for name, value in request.headers.items()
        if name.lower() == "authorization" or value in secrets or redact(value, secrets) != value
    )
    return SignedRequest(replace(request, url=redact(request.url, secrets)), hidden)

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from integrations import registry
from integrations.models import Integration
from invenicum.accounts.tokens import Origin
from invenicum.encrypted_fields import EncryptedJSONField, EncryptedTextField
from invenicum.jobs import Job

from .protocol import Client, is_safe


class ProviderApp(models.Model):
    """Our client at one provider, entered by an administrator. `OAUTH_<TYPE>_…` in the environment overrides it."""

    type = models.CharField(max_length=40, unique=True)
    client_id = models.CharField(max_length=255)
    client_secret = EncryptedTextField()
    server = models.CharField(
        max_length=255,
        blank=True,
        help_text="The address of a self-hosted server, for example https://gitlab.example.com.",
    )
    secret_expires = models.DateField(
        null=True, blank=True, help_text="The day on which the secret expires: operators are told a month before."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["type"]

    def __str__(self) -> str:
        return f"{self.type} client"

    def clean(self) -> None:
        try:
            spec = registry.get(self.type).oauth
        except registry.UnknownType:
            spec = None
        if spec is None:
            raise ValidationError({"type": "This type has no OAuth."})
        if self.server and not spec.self_hosted:
            raise ValidationError({"server": "This service is not self-hosted."})
        if self.server and (not is_safe(self.server) or urlsplit(self.server).path.strip("/")):
            raise ValidationError({"server": "Give an https address without a path."})


class OfClient(models.Model):
    """What belongs to one client at one provider: no other client, and no other server, is ever sent it."""

    client_id = models.CharField(max_length=255)
    # `Client.servers` when it was issued.
    servers = models.CharField(max_length=1000)

    class Meta:
        abstract = True

    def is_of(self, client: Client) -> bool:
        """Whether `client`, as it is set up now, is the one that it belongs to."""
        return (self.client_id, self.servers) == (client.client_id, client.servers)


class OfAccount(models.Model):
    """The account at the provider that tokens belong to."""

    # Its name for people, e.g. `ada@example.com`.
    account = models.CharField(max_length=255, blank=True)
    # What distinguishes it (`protocol.account_key`): revoking a token may end all connections with the same key.
    account_key = models.CharField(max_length=255, blank=True, editable=False)

    class Meta:
        abstract = True


class OfToken(models.Model):
    """What ends with the access token that it was begun with. Both columns are empty if a signed-in person began it."""

    # Of an access token of this server; empty for a token of Invenicum, which cannot be revoked.
    token_checksum = models.CharField(max_length=64, blank=True)
    token_expires_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def origin(self) -> Origin:
        """That token."""
        return Origin(self.token_checksum, self.token_expires_at)

    @property
    def has_valid_token(self) -> bool:
        """Whether that token would still be accepted."""
        return self.origin.is_valid


class Authorization(OfClient, OfToken):
    """A flow under way: from the redirect to the provider until the callback. Removed by the callback it is for.

    State and browser are kept as digests: a person who can read the table cannot finish a flow.
    """

    state_digest = models.CharField(max_length=64, primary_key=True)
    browser_digest = models.CharField(max_length=64)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    type = models.CharField(max_length=40)
    code_verifier = EncryptedTextField()
    return_url = models.CharField(max_length=2000, blank=True)
    # Begun with a start link: whose browser it is under way in is not known, so the owner's app confirms what comes
    # of it.
    needs_confirmation = models.BooleanField(default=False)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.type} flow of {self.owner.public_id}"


class StartLink(OfToken):
    """A one-time link that an app has asked for, and that no browser has opened yet. Opening makes an Authorization."""

    code_digest = models.CharField(max_length=64, primary_key=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    type = models.CharField(max_length=40)
    return_url = models.CharField(max_length=2000)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.type} link of {self.owner.public_id}"


class UnconfirmedConnection(OfClient, OfAccount, OfToken):
    """What a provider granted in a flow that began with a start link, until the owner's app confirms it.

    Removed by the confirmation, or by a job that has the tokens revoked.
    """

    result_digest = models.CharField(max_length=64, primary_key=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    type = models.CharField(max_length=40)
    # The fields of `Tokens`.
    tokens = EncryptedJSONField(editable=False)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["client_id", "account_key"], name="unconfirmed_account")]

    def __str__(self) -> str:
        return f"unconfirmed {self.type} connection of {self.owner.public_id}"


class Grant(OfClient, OfAccount):
    """The tokens behind a connected integration, and the account that they belong to."""

    integration = models.OneToOneField(Integration, models.CASCADE, related_name="grant")
    # `access` and, if the provider issued one, `refresh`.
    tokens = EncryptedJSONField(editable=False)
    scopes = models.JSONField(default=list)
    # The id of our app at the provider; empty if the provider does not say it with the tokens.
    app_id = models.CharField(max_length=255, blank=True, editable=False)
    connected_at = models.DateTimeField()
    refreshed_at = models.DateTimeField(help_text="When the tokens were last issued.")
    expires_at = models.DateTimeField(null=True, blank=True)
    # When the tokens are refreshed; null if they do not expire or cannot be refreshed.
    refresh_at = models.DateTimeField(null=True, blank=True, db_index=True)
    # Grows with every refresh. A refresh names the generation that it replaces, so that only one succeeds.
    generation = models.PositiveIntegerField(default=0, editable=False)
    # During a refresh: until when the other workers wait for it.
    leased_until = models.DateTimeField(null=True, editable=False)
    # Since when refreshing fails for temporary reasons.
    failing_since = models.DateTimeField(null=True, blank=True)
    # The token endpoint asked not to be asked again before this time.
    retry_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Since when the provider refuses it permanently, and when its owner was notified.
    refused_at = models.DateTimeField(null=True, blank=True)
    refusal = models.CharField(max_length=100, blank=True)
    # The provider said that the whole connection has ended, e.g. because its app was removed.
    connection_ended = models.BooleanField(default=False)
    owner_notified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["client_id", "account_key"], name="grant_account")]

    def __str__(self) -> str:
        return f"grant {self.pk}"

    @property
    def access_token(self) -> str:
        return str(self.tokens["access"])

    @property
    def refresh_token(self) -> str:
        return str(self.tokens.get("refresh", ""))

    @property
    def delivery_use(self) -> str:
        """What deliveries use the token for: see `OAuthSpec.delivery_use`."""
        spec = registry.get(self.integration.type).oauth
        return spec.delivery_use if spec else "needed"

    @property
    def is_needed(self) -> bool:
        """Whether the integration can deliver nothing without the token, e.g. False for Slack, with its webhook."""
        return self.connection_ended or self.delivery_use == "needed"

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


class Revocation(OfClient, OfAccount, Job):
    """Tokens to be revoked at their provider. The row and its tokens go when that is done or given up."""

    type = models.CharField(max_length=40)
    # Its hooks are removed with these tokens first. Null if no integration came of them. No foreign key: the job
    # outlives its integration when a user is deleted with all rows of theirs.
    integration_id = models.UUIDField(null=True)
    tokens = EncryptedJSONField(editable=False)
    expires_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"revocation {self.pk}"

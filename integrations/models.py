from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from invenicum.encrypted_fields import DecryptionError, EncryptedJSONField, EncryptedTextField
from invenicum.ids import uuid7
from invenicum.jobs import Job

from .core.config import ConnectorConfig
from .core.connector import Connector
from .core.errors import InvalidConfig
from .core.memory import MAX_KEY_LENGTH, MAX_VALUE_LENGTH

if TYPE_CHECKING:
    from .missed import Missed


class IntegrationQuerySet(models.QuerySet["Integration"]):
    def live(self) -> IntegrationQuerySet:
        """Without the deleted ones, which stay as tombstones for the delivery log."""
        return self.filter(deleted_at=None)

    def without_secrets(self) -> IntegrationQuerySet:
        """For lists: nothing is decrypted."""
        return self.defer("secrets")


# What `Integration.status_reason` says of a problem, by who is at fault.
PROBLEM_SENTENCES: dict[str, str] = {
    "target": "Deliveries wait until this is corrected: {}",
    "service": "Deliveries fail and are tried again: {}",
    "event": "The last events were refused: {}",
}
# The internal fields of a signing secret that is being rotated.
PREVIOUS_SECRET = {"previousSecret", "previousSecretUntil"}
# The fields of a configuration that say which events are sent and how, not where.
HOW_IT_IS_SENT = {"events", "ordered", "rateLimit"}
PROBLEM_COLUMNS = ("problem", "problem_fault")


class Integration(models.Model):
    """One user's saved connection of one type."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused", "paused by its owner"
        DISABLED = "disabled", "disabled after failures"
        NEEDS_RECONNECT = "needs_reconnect", "needs to be connected again"

    class HookStatus(models.TextChoices):
        """How far the provider has been brought in line with the configuration, by registering a hook for example."""

        NO_PROBLEM = "", "no problem"
        RETRYING = "retrying", "failed, and is tried again"
        FAILED = "failed", "failed, and was given up"

    class Fault(models.TextChoices):
        """Who is at fault if deliveries fail: see `integrations.core.errors`."""

        TARGET = "target", "the target: its owner has to act"
        SERVICE = "service", "the service: it may pass"
        EVENT = "event", "the events: the service refuses them"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="integrations")
    type = models.CharField(max_length=40)
    config = models.JSONField(default=dict, help_text="The values that may be shown, by JSON name.")
    secrets = EncryptedJSONField(default=dict, editable=False, help_text="The secret values, encrypted.")
    secret_names = models.JSONField(default=list, editable=False)
    # Those of them that the connector made, because the owner gave none.
    generated_names = models.JSONField(default=list, editable=False)
    # The event patterns it receives. A column, so that publishing needs no secret and no connector.
    subscriptions = models.JSONField(default=list, editable=False)
    # Whether the events of one asset go out in the order in which they were published.
    ordered = models.BooleanField(default=False, editable=False)
    # Whether snapshots of assets may be pending: until they are sent, it is treated as if it was ordered.
    snapshots_pending = models.BooleanField(default=False, editable=False)
    # What `Connector.on_save` last returned, e.g. the id of a registered hook.
    remote_state = models.JSONField(default=dict, editable=False)
    status = models.CharField(max_length=20, choices=Status, default=Status.ACTIVE)
    stop_reason = models.CharField(max_length=500, blank=True, help_text="Why it is not active, in a sentence.")
    hook_status = models.CharField(
        max_length=10, choices=HookStatus, default=HookStatus.NO_PROBLEM, blank=True, editable=False
    )
    hook_error = models.CharField(max_length=500, blank=True, editable=False)
    account = models.CharField(max_length=255, blank=True, help_text="The provider account, if OAuth connected it.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    last_sync = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    # Why deliveries fail, once its owner has to know: what the service said to the last one, and who is at fault.
    problem = models.CharField(max_length=500, blank=True, db_default="", default="", editable=False)
    problem_fault = models.CharField(
        max_length=10, choices=Fault, blank=True, db_default="", default="", editable=False
    )
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    # No column: what it has missed, if it has become active just now.
    missed: Missed | None = None

    objects = IntegrationQuerySet.as_manager()

    class Meta:
        ordering = ["type"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "type"], condition=Q(deleted_at=None), name="one_integration_a_type"
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} of {self.owner.public_id}"

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE

    @property
    def status_reason(self) -> str:
        """A sentence for its owner: why it is not active, or what is wrong although it is. Empty if all is well."""
        from .registry import UnknownType, get

        if self.stop_reason or not self.is_active:
            return self.stop_reason
        if self.problem_fault:
            return PROBLEM_SENTENCES.get(self.problem_fault, "{}").format(self.problem)
        if self.hook_status == self.HookStatus.NO_PROBLEM:
            try:
                return get(self.type).notice(self.config, timezone.now())
            except UnknownType:  # of a newer release, which was here before
                return f"This release of the service does not have the type {self.type}."
        more = " yet, and is tried again" if self.hook_status == self.HookStatus.RETRYING else ""
        return f"The webhook could not be registered{more}: {self.hook_error}"[:500]

    def apply(
        self, connector: Connector, config: ConnectorConfig, reserved: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Sets every column that follows from a valid configuration; the caller saves.

        `connector` is the one of its type, `config` what its owner submitted or OAuth brought. Secrets that the service
        keeps for itself, such as `previousSecret` after a rotation, stay. Returns the secrets that the connector made
        because none were given, e.g. `{"secret": "whsec_…"}`; `reserved` has values to take instead of new ones.
        """
        generated = {**connector.generated_secrets(config), **(reserved or {})}
        secrets = config.secrets() | generated
        internal = {fact.alias for fact in config.facts() if fact.internal}
        signing = connector.signing_secret
        if signing and secrets.get(signing) != self.secrets.get(signing):
            internal -= PREVIOUS_SECRET  # a secret that its owner chose replaces both of a rotation at once
        self.config = config.public()
        self.secret_names = sorted(secrets)
        unchanged = {alias for alias in self.generated_names if secrets.get(alias) == self.secrets.get(alias)}
        self.generated_names = sorted(unchanged & secrets.keys() | generated.keys())
        self.secrets = secrets | {alias: value for alias, value in self.secrets.items() if alias in internal}
        self.subscriptions = list(connector.subscriptions(config))
        self.ordered = config.ordered
        self.hook_status, self.hook_error = self.HookStatus.NO_PROBLEM, ""
        return generated

    def target(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What its deliveries are sent to and with which credentials: the configuration without how they are sent."""
        return {name: value for name, value in self.config.items() if name not in HOW_IT_IS_SENT}, self.secrets

    def is_target_of(self, config: ConnectorConfig) -> bool:
        """Whether what it sends goes to the same target with the same credentials as with `config`."""
        try:
            return _target_of(self.load_config()) == _target_of(config)
        except (InvalidConfig, DecryptionError):
            return False

    def clear_problem(self) -> None:
        """Forgets why deliveries failed, because its owner has acted; the caller saves `PROBLEM_COLUMNS`."""
        self.problem = self.problem_fault = ""

    def apply_incomplete(self, public: dict[str, Any], secrets: dict[str, Any]) -> None:
        """Sets the same columns for what OAuth brought if the configuration still lacks something; the caller saves.

        `public` and `secrets` are by JSON name. No event is sent to it until its owner completes it.
        """
        self.config, self.secrets, self.secret_names = public, secrets, sorted(secrets)
        self.generated_names = [alias for alias in self.generated_names if alias in secrets]
        self.subscriptions, self.ordered = [], False
        self.hook_status, self.hook_error = self.HookStatus.NO_PROBLEM, ""

    def become_tombstone(self) -> None:
        """Clears everything but the row, which the delivery log still needs; the caller saves."""
        self.apply_incomplete({}, {})
        self.remote_state, self.account, self.deleted_at = {}, "", timezone.now()
        self.clear_problem()

    def load_config(self) -> ConnectorConfig:
        """The whole configuration, decrypted. Raises InvalidConfig if what is stored is not valid any more."""
        from .registry import get

        return get(self.type).Config.load({**self.config, "integrationId": str(self.pk)}, self.secrets)

    def shown_config(self) -> dict[str, Any]:
        """The configuration without secrets, in the order of the connector's declaration: `jsonb` keeps no order."""
        from .registry import get

        aliases = [fact.alias for fact in get(self.type).Config.facts()]
        return {alias: self.config[alias] for alias in aliases if alias in self.config}

    def secret_presence(self) -> dict[str, bool]:
        """Each secret field of its type and whether a value is stored, e.g. `{"apiKey": true}`."""
        from .registry import get

        facts = get(self.type).Config.facts()
        return {fact.alias: fact.alias in self.secret_names for fact in facts if fact.secret and not fact.internal}


def _target_of(config: ConnectorConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    internal = {fact.alias for fact in config.facts() if fact.internal}
    return (
        {name: value for name, value in config.public().items() if name not in HOW_IT_IS_SENT},
        {name: value for name, value in config.secrets().items() if name not in internal},
    )


class ReservedSecret(models.Model):
    """The signing secret that a test of an integration was signed with, until a save takes it."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    type = models.CharField(max_length=40)
    secret = EncryptedTextField(editable=False)
    reserved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "type"], name="one_reserved_secret_a_type")]

    def __str__(self) -> str:
        return f"reserved secret {self.pk}"


class ProviderJob(Job):
    """Work owed to a provider after a save or a delete: registering a hook, removing it."""

    class Kind(models.TextChoices):
        SAVE = "save"
        DELETE = "delete"

    kind = models.CharField(max_length=10, choices=Kind)
    type = models.CharField(max_length=40)
    # No foreign key: the job outlives its integration when a user is deleted with all rows of theirs.
    integration_id = models.UUIDField(db_index=True)
    # For `delete`: config, secrets and state as they were, because the integration's own are erased at once.
    payload = EncryptedJSONField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["integration_id"], condition=Q(kind="save"), name="one_save_job_an_integration"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} job {self.pk}"


class RemoteId(models.Model):
    """A provider's id of what an integration has made there, such as a file, for connectors with `remembers`."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="remote_ids")
    # What the id is of: the connector's digest of a path, for example.
    key = models.CharField(max_length=MAX_KEY_LENGTH)
    value = models.CharField(max_length=MAX_VALUE_LENGTH)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["integration", "key"], name="one_remote_id_a_key")]

    def __str__(self) -> str:
        return self.value


class IntegrationChange(models.Model):
    """The state of an integration from a time on, to explain later why an event was not sent to it."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="changes")
    at = models.DateTimeField(default=timezone.now)
    status = models.CharField(max_length=20, choices=Integration.Status)
    subscriptions = models.JSONField(default=list)
    deleted = models.BooleanField(default=False)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.status} since {self.at:%Y-%m-%d %H:%M}"

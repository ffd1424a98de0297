from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from fernet_fields import EncryptedJSONField

from .public_ids import MAX_ACCOUNT_ID, generate_local_id, public_id_of


class User(AbstractUser):
    """Somebody who asks, and the account that they are known by outside.

    `account_id` is Invenicum's own id for a user who comes with an Invenicum token or is named as an owner, and a
    generated one for a user who was made here. The primary key never leaves this service.
    """

    account_id = models.CharField(max_length=MAX_ACCOUNT_ID, unique=True, default=generate_local_id, editable=False)

    class Meta(AbstractUser.Meta):
        pass

    @property
    def public_id(self) -> str:
        """`user-456`."""
        return public_id_of(self.account_id)


class IdempotencyKey(models.Model):
    """The answer to a request that carried an `Idempotency-Key`, kept for 24 hours."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    # Both are null until the request is carried out, which no other transaction sees.
    status = models.PositiveSmallIntegerField(null=True)
    # Encrypted, because some answers show a signing secret.
    body = EncryptedJSONField(null=True, editable=False)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="one_answer_a_key")]

    def __str__(self) -> str:
        return f"idempotency key {self.pk}"

from django.contrib.auth.models import AbstractUser
from django.db import models

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

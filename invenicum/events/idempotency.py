"""`Idempotency-Key`: a request that is sent again gets the first answer, and is carried out once."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from invenicum.accounts.models import User

from .models import IdempotencyKey

KEY = r"^[!-~]{1,255}$"
KEY_LIFETIME = timedelta(hours=24)


class KeyReused(Exception):
    """The key was used with another body."""


def answer_once(owner: User, key: str, body: Any, act: Callable[[], Any]) -> Any:
    """What `act` returned when this owner first sent `key`; it is called only then.

    `body`: the request's JSON value. `act` returns a JSON value, in the same transaction as the key is stored. Raises
    KeyReused. Of two requests at once, the second waits at the unique index until the first has committed.
    """
    digest, now = _digest(body), timezone.now()
    with transaction.atomic():
        row, is_new = IdempotencyKey.objects.select_for_update().get_or_create(
            owner=owner, key=key, defaults={"body_digest": digest, "answer": {}, "created_at": now}
        )
        if not is_new and row.created_at > now - KEY_LIFETIME:
            if row.body_digest != digest:
                raise KeyReused
            return row.answer
        row.answer, row.body_digest, row.created_at = act(), digest, now
        row.save()
    return row.answer


def _digest(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

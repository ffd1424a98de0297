"""`Idempotency-Key`: a request that is sent again gets its first answer, and does nothing twice."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from .models import IdempotencyKey

KEY = r"^[!-~]{1,255}$"
LIFETIME = timedelta(hours=24)


class KeyReused(Exception):
    """The key came with another body before."""


def answer_once(owner: User, key: str, body: Any, act: Callable[[], Any]) -> Any:
    """What `act` returned when this owner's `key` first came; it is called only then. Raises KeyReused.

    Of two requests that race, the second waits at the unique index until the first has committed.
    """
    digest, now = _digest(body), timezone.now()
    with transaction.atomic():
        row, is_new = IdempotencyKey.objects.select_for_update().get_or_create(
            owner=owner, key=key, defaults={"body_digest": digest, "answer": {}, "created_at": now}
        )
        if not is_new and row.created_at > now - LIFETIME:
            if row.body_digest != digest:
                raise KeyReused
            return row.answer
        row.answer, row.body_digest, row.created_at = act(), digest, now
        row.save()
    return row.answer


def _digest(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

"""`Idempotency-Key`: a POST that is sent again gets the first answer, and is carried out once."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from django.db import transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from invenicum.api.addresses import path_below_prefix
from invenicum.api.errors import INVALID_CONFIG, ApiError, invalid
from invenicum.api.idempotency_keys import HEADER, KEY, KEY_SAYS, takes_key

from .answer_store import lock
from .authentication import current_user
from .models import IdempotencyKey, User

KEY_LIFETIME = timedelta(hours=24)

_canonical = json.JSONEncoder(sort_keys=True).encode

Action = TypeVar("Action", bound=Callable[..., Response])


class KeyReused(Exception):
    """The key was used for another request."""


def idempotent(action: Action) -> Action:
    """Decorates the action of a viewset that answers a POST: honours `Idempotency-Key`, below any other decorator.

    With the header, everything that the action does and the stored answer are one transaction, so it must do no I/O
    but the database's. Errors are raised by the action, never returned, and leave the key unused. Without the header
    it is called as it is. The OpenAPI document shows the header and the answer 409 by itself.
    """

    @wraps(action)
    def answered_once(viewset: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = _key_of(request)
        if key is None:
            return action(viewset, request, *args, **kwargs)
        try:
            return answer_once(
                current_user(request),
                key,
                digest_of(request.path_info, request.data),
                lambda: action(viewset, request, *args, **kwargs),
            )
        except KeyReused:
            message = f"This {HEADER} was used with another body or for another address"
            raise ApiError(409, INVALID_CONFIG, message, {HEADER: [message]}) from None

    return cast(Action, takes_key(answered_once))


def answer_once(owner: User, key: str, request_digest: str, act: Callable[[], Response]) -> Response:
    """What `act` answered when this owner first sent `key`; it is called only then.

    `request_digest`: identifies the request. `act` answers JSON, in the same transaction as the key is stored.
    Raises KeyReused. Of two simultaneous requests, the second waits until the first has committed.
    """
    now = timezone.now()
    with transaction.atomic():
        lock(owner.pk, key)
        row, is_new = IdempotencyKey.objects.select_for_update().get_or_create(
            owner=owner, key=key, defaults={"request_digest": request_digest, "created_at": now}
        )
        if not is_new and row.created_at > now - KEY_LIFETIME:
            if row.request_digest != request_digest:
                raise KeyReused
            return Response(json.loads(row.plain_body) if row.plain_body else row.body, row.status)
        response = act()
        row.status, row.body, row.plain_body = response.status_code, response.data, ""
        row.request_digest, row.created_at = request_digest, now
        row.save(update_fields=["status", "body", "plain_body", "request_digest", "created_at"])
    return response


def forget_old_keys() -> None:
    """Deletes expired keys with their answers."""
    IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEY_LIFETIME).delete()


def _key_of(request: Request) -> str | None:
    key = request.headers.get(HEADER)
    if key is not None and not re.fullmatch(KEY, key):
        raise invalid({HEADER: [KEY_SAYS]})
    return key


def digest_of(path: str, data: Any) -> str:
    """Identifies a request: equal for equal JSON at the same address, in any spelling of the two."""
    return hashlib.sha256(_canonical([path_below_prefix(path), data]).encode()).hexdigest()

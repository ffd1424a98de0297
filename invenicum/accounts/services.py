"""Provisioning and removing accounts."""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone
from oauth2_provider.models import AccessToken, RefreshToken

from invenicum.audit.services import Action, record, target_of

from . import tokens
from .invenicum_tokens import CLOCK_LEEWAY_SECONDS
from .lookups import find_accounts
from .models import PortalLink, PortalSession, RemovedAccount, User
from .public_ids import INVENICUM_USERNAME_PREFIX, is_invenicum_id
from .signals import account_removed

# The clock of Invenicum's backend may be ahead of ours by this much, so that a token looks newer than it is.
REMOVAL_LEEWAY = timedelta(seconds=CLOCK_LEEWAY_SECONDS)


def provisioned(account_ids: Collection[str]) -> dict[str, User]:
    """The users of these account ids, by id. A user is created for each new Invenicum id.

    Such a user has no credentials, e-mail or name until they come with a token. An unknown id of the local kind is left
    out. At most five statements, whatever the number of ids.
    """
    found = find_accounts(account_ids)
    missing = [account_id for account_id in account_ids if account_id not in found and is_invenicum_id(account_id)]
    if missing:
        removed_at = _removals_of(missing)
        users = [_new_user(account_id, removed_at.get(account_id)) for account_id in missing]
        User.objects.bulk_create(users, ignore_conflicts=True)  # another request may have created it
        found |= find_accounts(missing)
    return found


def user_of_token(
    account_id: str, email: str | None, name: str | None, issued_at: datetime | None = None
) -> User | None:
    """The user of an Invenicum token, provisioned on first sight. A changed e-mail or name is taken over.

    None for `email` or `name` leaves what is stored. `issued_at` is when the backend made the token, None if it does
    not say. Returns None if the account has been removed and the token may be older than that.
    """
    user = User.objects.filter(account_id=account_id).first()
    removed_at = user.removed_before if user else _removals_of([account_id]).get(account_id)
    if removed_at and (issued_at is None or issued_at <= removed_at + REMOVAL_LEEWAY):
        return None
    user = user or provisioned([account_id])[account_id]
    changed = changed_details(user, email, name)
    if changed:
        User.objects.filter(pk=user.pk).update(**changed)
        for field, value in changed.items():
            setattr(user, field, value)
    return user


def changed_details(user: User, email: str | None, name: str | None) -> dict[str, str]:
    """The fields of `user` that differ from what a token says: `{"first_name": "Alice"}`. None says nothing."""
    given = {"email": email, "first_name": name}
    return {field: value for field, value in given.items() if value is not None and getattr(user, field) != value}


@transaction.atomic
def remove(user: User) -> None:
    """Removes a user with all their data, and queues the removal of hooks and tokens at providers.

    `account_removed` is sent first, in the same transaction, so that each layer above can remove its rows in bulk.
    """
    lock_account(user)
    if is_invenicum_id(user.account_id):
        RemovedAccount.objects.update_or_create(
            account_digest=_digest(user.account_id), defaults={"removed_at": timezone.now()}
        )
    account_removed.send(sender=User, user=user)
    record(Action.ACCOUNT_REMOVED, target=target_of(user), owner=user)
    user.delete()


@transaction.atomic
def revoke_access(user: User) -> int:
    """Revokes a user's access and refresh tokens, links and sessions of the portal. Returns how many tokens."""
    access = list(AccessToken.objects.filter(user=user))
    for row in access:
        tokens.revoke(row)
    for refresh in RefreshToken.objects.filter(user=user, revoked=None):
        refresh.revoke()
    for opened in (PortalLink, PortalSession):
        opened.objects.filter(owner=user).delete()
    return len(access)


def lock_account(user: User) -> bool:
    """Locks a user's row against removal until the end of the transaction. Returns whether there still is one.

    A removal locks it before anything else: what locks several rows of one user does so too, against deadlocks.
    Rows that refer to the user can be written meanwhile.
    """
    return User.objects.select_for_update(no_key=True).filter(pk=user.pk).exists()


def _removals_of(account_ids: Collection[str]) -> dict[str, datetime]:
    """When accounts of these ids were last removed, by id."""
    digests = {_digest(account_id): account_id for account_id in account_ids}
    rows = RemovedAccount.objects.filter(account_digest__in=digests)
    return {digests[row.account_digest]: row.removed_at for row in rows}


def _digest(account_id: str) -> str:
    return hashlib.sha256(account_id.encode()).hexdigest()


def _new_user(account_id: str, removed_before: datetime | None) -> User:
    username = INVENICUM_USERNAME_PREFIX + account_id
    return User(account_id=account_id, username=username, password=make_password(None), removed_before=removed_before)

"""Provisioning and removing accounts."""

from collections.abc import Collection, Iterable

from django.contrib.auth.hashers import make_password
from django.db import transaction

from .models import User
from .public_ids import is_invenicum_id
from .signals import account_removed

# No form accepts a colon in a user name, so that no user who is created here can take such a name.
INVENICUM_USERNAME = "invenicum:{account_id}"


def provisioned(account_ids: Collection[str]) -> dict[str, User]:
    """The users of these account ids, by id. A user is created for each new Invenicum id.

    Such a user has no credentials, e-mail or name until they come with a token. An unknown id of the local kind is left
    out. At most four statements, whatever the number of ids.
    """
    found = _by_account_id(account_ids)
    missing = [account_id for account_id in account_ids if account_id not in found and is_invenicum_id(account_id)]
    if missing:
        User.objects.bulk_create(map(_new_user, missing), ignore_conflicts=True)  # another request may have created it
        found |= _by_account_id(missing)
    return found


def user_of_token(account_id: str, email: str | None, name: str | None) -> User:
    """The user of an Invenicum token, provisioned on first sight. A changed e-mail or name is taken over.

    None for `email` or `name` leaves what is stored.
    """
    user = User.objects.filter(account_id=account_id).first() or provisioned([account_id])[account_id]
    given = {"email": email, "first_name": name}
    changed = {field: value for field, value in given.items() if value is not None and getattr(user, field) != value}
    if changed:
        User.objects.filter(pk=user.pk).update(**changed)
        for field, value in changed.items():
            setattr(user, field, value)
    return user


@transaction.atomic
def remove(user: User) -> None:
    """Removes a user with all their data, and queues the removal of hooks and tokens at providers.

    `account_removed` is sent first, in the same transaction, so that each layer above can remove its rows in bulk.
    """
    account_removed.send(sender=User, user=user)
    user.delete()


def _by_account_id(account_ids: Iterable[str]) -> dict[str, User]:
    return {user.account_id: user for user in User.objects.filter(account_id__in=account_ids)}


def _new_user(account_id: str) -> User:
    username = INVENICUM_USERNAME.format(account_id=account_id)
    return User(account_id=account_id, username=username, password=make_password(None))

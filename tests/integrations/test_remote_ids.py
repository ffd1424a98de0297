from uuid import uuid4

import pytest
from django.db import IntegrityError

from integrations import services
from integrations.models import Integration, RemoteId
from integrations.remote_ids import RemoteIds
from invenicum.accounts.models import User
from tests.factories import connect_webhook


@pytest.mark.django_db
def test_each_integration_remembers_its_own(alice: User, charlie: User) -> None:
    own, other = (RemoteIds(connect_webhook(owner).id) for owner in (alice, charlie))
    assert own.recall("path") is None
    assert own.remember("path", "file-1") == "file-1"
    assert (own.recall("path"), other.recall("path")) == ("file-1", None)


@pytest.mark.django_db
def test_what_was_kept_first_stays_until_it_is_forgotten(alice: User) -> None:
    ids = RemoteIds(connect_webhook(alice).id)
    ids.remember("path", "file-1")
    assert ids.remember("path", "file-2") == "file-1"
    ids.forget("path", "file-2")
    assert ids.recall("path") == "file-1"
    ids.forget("path", "file-1")
    assert ids.remember("path", "file-2") == "file-2"


@pytest.mark.django_db
def test_nothing_is_left_of_an_integration_that_is_deleted(alice: User) -> None:
    RemoteIds(connect_webhook(alice).id).remember("path", "file-1")
    services.delete_integration(alice, "webhook")
    assert Integration.objects.exists()
    assert not RemoteId.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_kept_for_an_integration_that_is_gone() -> None:
    with pytest.raises(IntegrityError):
        RemoteIds(uuid4()).remember("path", "file-1")

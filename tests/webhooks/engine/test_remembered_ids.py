"""Deliveries to Google Drive: the ids of files are kept in the database before the files are made."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError

from integrations import remote_ids
from integrations.models import Integration, RemoteId
from invenicum.accounts.models import User
from invenicum.events.publish import publish
from tests.factories import connect_drive
from tests.fakes.google_drive import FakeGoogleDrive
from webhooks.engine.worker import drain
from webhooks.models import Delivery


@pytest.fixture
def drive(settings: Any) -> Iterator[FakeGoogleDrive]:
    with FakeGoogleDrive() as fake:
        settings.PROVIDER_ENDPOINTS = {"google_drive": {"apiUrl": fake.url}}
        settings.OAUTH_CLIENTS = {"google_drive": ("client", "secret")}
        fake.search_lags = True
        yield fake


@pytest.fixture
def integration(alice: User, drive: FakeGoogleDrive) -> Integration:
    """Alice's Drive, connected."""
    return connect_drive(alice)


def publish_change(owner: User) -> None:
    publish(owner, "asset.updated", {"assetId": "asset-123", "changes": {"name": {"old": "a", "new": "b"}}})


def test_a_document_has_one_file_although_the_search_finds_none(
    alice: User, drive: FakeGoogleDrive, integration: Integration
) -> None:
    for _ in range(3):
        publish_change(alice)
        drain()
    (document,) = drive.documents()
    assert set(RemoteId.objects.filter(integration=integration).values_list("value", flat=True)) == set(drive.files)
    assert json.loads(drive.files[document]["content"])["name"] == "b"
    publish(alice, "asset.deleted", {"assetId": "asset-123", "name": "b"})
    drain()
    assert drive.documents(trashed=True) == [document]
    assert RemoteId.objects.count() == 1, "the folder's"
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}


def test_nothing_is_made_while_its_id_cannot_be_kept(
    alice: User, drive: FakeGoogleDrive, integration: Integration, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise DatabaseError("the database is gone")

    publish_change(alice)
    with monkeypatch.context() as broken:
        broken.setattr(remote_ids.RemoteIds, "remember", refuse)
        drain()
    assert drive.files == {}
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempt_count) == ("pending", 0), "it was no attempt"

"""A bucket or folder that cannot be written keeps its deliveries and says what to do; once it can, all arrive."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from integrations.models import Integration
from integrations.services import save_integration
from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.factories import connect_drive
from tests.fakes import dropbox
from tests.fakes.dropbox import FakeDropbox
from tests.fakes.google_drive import FakeGoogleDrive
from tests.fakes.s3 import s3_server
from webhooks.engine.worker import drain
from webhooks.models import Delivery, Lane

pytestmark = pytest.mark.django_db(transaction=True)
ASSETS = 12
FOLDER_ID = "folder-000001"
BUCKET = {
    "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "region": "us-east-1",
    "bucket": "my-asset-bucket",
}


@pytest.fixture
def drive(settings: Any) -> Iterator[FakeGoogleDrive]:
    with FakeGoogleDrive() as fake:
        settings.PROVIDER_ENDPOINTS = {"google_drive": {"apiUrl": fake.url}}
        settings.OAUTH_CLIENTS = {"google_drive": ("client", "secret")}
        fake.has_full_scope = True
        fake.add(FOLDER_ID, "Inventory")
        yield fake


def publish(owner: User) -> None:
    publish_many(Draft(owner, "asset.created", {"assetId": f"asset-{number}"}) for number in range(ASSETS))


def assert_waiting(says: str) -> None:
    """No delivery has ended, and those that were tried say what to do."""
    assert set(Delivery.objects.values_list("status", flat=True)) == {"pending"}
    tried = Delivery.objects.filter(attempt_count__gt=0)
    assert tried.exists()
    assert all(says in delivery.error for delivery in tried)
    assert Integration.objects.get().failing_since is not None


def assert_all_arrive() -> None:
    """As soon as the lane is tried again."""
    Lane.objects.update(held_until=None)
    Delivery.objects.update(due_at=timezone.now())
    drain()
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}
    assert Delivery.objects.count() == ASSETS


def test_a_bucket_that_was_deleted(alice: User) -> None:
    with s3_server("my-asset-bucket") as (url, client):
        save_integration(alice, "s3", {**BUCKET, "endpointUrl": url})
        client.delete_bucket(Bucket="my-asset-bucket")
        publish(alice)
        drain()
        assert_waiting("There is no bucket my-asset-bucket in us-east-1: create it or choose another one.")
        client.create_bucket(Bucket="my-asset-bucket")
        assert_all_arrive()
        assert client.list_objects_v2(Bucket="my-asset-bucket")["KeyCount"] == ASSETS


def test_a_folder_of_drive_in_the_bin(alice: User, drive: FakeGoogleDrive) -> None:
    connect_drive(alice, folderId=FOLDER_ID)
    drive.files[FOLDER_ID]["trashed"] = True
    publish(alice)
    drain()
    assert_waiting("The folder is in the bin: restore it, or choose another one.")
    drive.files[FOLDER_ID]["trashed"] = False
    assert_all_arrive()
    names = [drive.files[file_id]["name"] for file_id in drive.documents()]
    assert sorted(names) == sorted(f"asset-{number}.json" for number in range(ASSETS))


def test_a_folder_of_dropbox_that_the_team_restricts(alice: User, settings: Any) -> None:
    with FakeDropbox() as fake:
        settings.PROVIDER_ENDPOINTS = {"dropbox": {"apiUrl": fake.url}}
        save_integration(alice, "dropbox", {"path": "/Invenicum", "accessToken": dropbox.TOKEN})
        fake.refuses = ("path", "access_restricted")
        publish(alice)
        drain()
        assert_waiting("An administrator of the Dropbox team has restricted")
        fake.refuses = ()
        assert_all_arrive()
        assert len(fake.files) == ASSETS

"""The connector against S3 servers that others have written: moto, and s3rver (`make s3rver` installs it)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations.connectors.s3 import S3
from integrations.core.errors import AuthFailed, InvalidConfig
from integrations.egress.curl import run_flow
from tests.fakes.s3 import S3RVER_KEY, access_key, s3_server, s3rver, with_permissions_checked
from tests.flows import CREATED, DELETED, PING, UPDATED
from tests.integrations.connectors.s3_answers import config

BUCKET = "my-asset-bucket"
LIST, READ, WRITE, REMOVE = "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"


@pytest.fixture(params=["moto", "s3rver"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[S3.Config, Any]]:
    """A configuration for an empty bucket of the server, and boto3's client for it."""
    if request.param == "moto":
        with s3_server(BUCKET) as (url, client):
            yield config(endpointUrl=url), client
        return
    with s3rver(BUCKET, tmp_path) as (url, client):
        yield config(endpointUrl=url, accessKeyId=S3RVER_KEY, secretAccessKey=S3RVER_KEY), client


def stored(client: Any, bucket: str = BUCKET) -> list[Any]:
    return [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_an_asset_is_written_changed_and_removed(server: tuple[S3.Config, Any]) -> None:
    own, client = server
    s3 = S3()
    run_flow(s3.deliver(PING, own, 0))
    assert stored(client) == []
    run_flow(s3.deliver(CREATED, own, 0))
    run_flow(s3.deliver(UPDATED, own, 0))
    assert stored(client) == ["assets/asset-123.json"]
    document = json.load(client.get_object(Bucket=BUCKET, Key="assets/asset-123.json")["Body"])
    assert document["name"] == "Hero Image.jpg"
    assert document["tags"] == ["featured"]
    run_flow(s3.deliver(DELETED, own, 0))
    run_flow(s3.deliver(DELETED, own, 0))
    assert stored(client) == []


def test_an_operator_can_send_all_requests_to_another_server() -> None:
    with s3_server(BUCKET) as (url, _):
        assert run_flow(S3({"apiUrl": url}).test(config())).metadata["bucket"] == BUCKET


def test_a_bucket_deleted_afterwards_is_told_by_test_and_delivery(server: tuple[S3.Config, Any]) -> None:
    own, client = server
    run_flow(S3().test(own))
    client.delete_bucket(Bucket=BUCKET)
    for flow in (S3().test(own), *(S3().deliver(event, own, 0) for event in (CREATED, UPDATED, DELETED))):
        with pytest.raises(InvalidConfig, match="no bucket my-asset-bucket") as caught:
            run_flow(flow)
        assert caught.value.details == {"bucket": ["does not exist"]}


def test_a_wrong_key_is_refused() -> None:
    with s3_server(BUCKET) as (url, _):
        key = access_key(url, BUCKET, [LIST, READ, WRITE, REMOVE])
        with with_permissions_checked():
            for wrong, code in (("secretAccessKey", "SignatureDoesNotMatch"), ("accessKeyId", "InvalidAccessKeyId")):
                with pytest.raises(AuthFailed, match=code):
                    run_flow(S3().test(config(endpointUrl=url, **{**key, wrong: "wrong"})))


@pytest.mark.parametrize(
    ("actions", "missing"),
    [
        ([LIST, READ], "s3:PutObject there"),
        ([LIST, READ, WRITE], "s3:DeleteObject there. The test has left the object"),
        ([LIST, WRITE, REMOVE], "s3:GetObject there"),
        ([READ, WRITE, REMOVE], "s3:ListBucket there"),
        ([LIST, READ, WRITE, REMOVE], None),
    ],
)
def test_the_test_needs_each_permission_that_deliveries_need(actions: list[str], missing: str | None) -> None:
    with s3_server(BUCKET) as (url, client):
        own = config(endpointUrl=url, **access_key(url, BUCKET, actions))
        with with_permissions_checked():
            if missing is None:
                run_flow(S3().test(own))
            else:
                with pytest.raises(AuthFailed, match=missing):
                    run_flow(S3().test(own))
        is_left = missing is not None and "left" in missing
        assert stored(client) == (["assets/invenicum-connection-test"] if is_left else [])


def test_a_bucket_with_object_lock_and_default_retention_is_written_to() -> None:
    with s3_server(BUCKET) as (url, client):
        client.create_bucket(Bucket="locked-bucket", ObjectLockEnabledForBucket=True)
        rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
        lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
        client.put_object_lock_configuration(Bucket="locked-bucket", ObjectLockConfiguration=lock)
        own = config(endpointUrl=url, bucket="locked-bucket")
        run_flow(S3().test(own))
        for event in (CREATED, UPDATED, DELETED):
            run_flow(S3().deliver(event, own, 0))
        assert stored(client, "locked-bucket") == []


def test_encryption_and_storage_class_reach_the_object() -> None:
    with s3_server(BUCKET) as (url, client):
        more = {"serverSideEncryption": "aws:kms", "kmsKeyId": "alias/invenicum", "storageClass": "STANDARD_IA"}
        own = config(endpointUrl=url, acl="bucket-owner-full-control", **more)
        run_flow(S3().deliver(CREATED, own, 0))
        head = client.head_object(Bucket=BUCKET, Key="assets/asset-123.json")
        assert (head["ServerSideEncryption"], head["StorageClass"]) == ("aws:kms", "STANDARD_IA")
        with pytest.raises(InvalidConfig, match="InvalidStorageClass"):
            run_flow(S3().test(config(endpointUrl=url, storageClass="COLD")))
